// A new password: how strong it is, in words, and a button that shows it.
import { PasswordInput, Progress, Stack, Text } from "@mantine/core";
import { useId } from "react";
import { useTranslation } from "react-i18next";

export const SHORTEST = 12;
export const LONGEST = 256;

export type Strength = "short" | "weak" | "fair" | "good" | "strong";

/** A rough measure, in bits: what a guesser who knows of repetitions, rows of keys and the own names would need. */
export function strengthOf(password: string, known: readonly string[] = []): Strength {
  if ([...password].length < SHORTEST) return "short";
  let text = password.toLowerCase();
  for (const word of known) if (word.length >= 3) text = text.replaceAll(word.toLowerCase(), "");
  let steps = 0;
  const letters = [...text];
  letters.forEach((letter, at) => {
    const before = letters[at - 1];
    const distance = before === undefined ? 9 : Math.abs((letter.codePointAt(0) ?? 0) - (before.codePointAt(0) ?? 0));
    const rowed = before !== undefined && /qwertz|qwerty|asdfgh|yxcvbn|zxcvbn/.test(text) && "qwertzuiopasdfghjklyxcvbnm".includes(before + letter);
    steps += distance <= 1 || rowed ? 0.25 : 1;
  });
  const distinct = new Set(letters).size;
  const alphabet = (/\p{Ll}/u.test(password) ? 26 : 0) + (/\p{Lu}/u.test(password) ? 26 : 0) + (/\d/.test(password) ? 10 : 0) + (/[^\p{L}\d]/u.test(password) ? 20 : 0);
  const bits = Math.min(steps, distinct * 2) * Math.log2(Math.max(10, Math.min(alphabet, 64))) * 0.6;
  return bits < 30 ? "weak" : bits < 44 ? "fair" : bits < 60 ? "good" : "strong";
}

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
