// A new password: how strong it is, in words, and a button that shows it.
import { PasswordInput, Progress, Stack, Text } from "@mantine/core";
import { useId } from "react";
import { useTranslation } from "react-i18next";
import { LONGEST, SHORTEST, type Strength, strengthOf } from "./strength.ts";

const FILL: Record<Strength, number> = { short: 10, weak: 30, fair: 55, good: 80, strong: 100 };
const COLOUR: Record<Strength, string> = { short: "red", weak: "red", fair: "yellow", good: "teal", strong: "teal" };

interface Props {
  label: string;
  value: string;
  onChange: (password: string) => void;
  known?: readonly string[];
  error?: string;
}

export function NewPassword({ label, value, onChange, known, error }: Props) {
  const { t } = useTranslation("setup");
  const strength = strengthOf(value, known);
  const words = useId();
  return (
    <Stack gap={6}>
      <ShownPassword label={label} value={value} onChange={onChange} autoComplete="new-password" error={error} description={t("password.hint", { count: SHORTEST })} />
      <div id={words} aria-live="polite">
        {value !== "" && (
          <>
            <Progress value={FILL[strength]} color={COLOUR[strength]} size="sm" aria-hidden />
            <Text size="sm" mt={4}>
              {t(`password.${strength}`, { missing: SHORTEST - [...value].length })}
            </Text>
          </>
        )}
      </div>
    </Stack>
  );
}

interface ShownProps {
  label: string;
  value: string;
  onChange: (password: string) => void;
  autoComplete: "new-password" | "current-password";
  error?: string;
  description?: string;
}

export function ShownPassword({ label, value, onChange, autoComplete, error, description }: ShownProps) {
  const { t } = useTranslation("setup");
  return (
    <PasswordInput
      label={label}
      description={description}
      value={value}
      onChange={(event) => onChange(event.currentTarget.value)}
      autoComplete={autoComplete}
      maxLength={LONGEST}
      error={error}
      required
      visibilityToggleFocusable
      visibilityToggleButtonProps={{ "aria-label": t("password.show") }}
    />
  );
}
