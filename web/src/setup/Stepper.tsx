import { Text, UnstyledButton } from "@mantine/core";
import { IconCheck } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import classes from "./Stepper.module.css";

interface Props {
  steps: readonly string[];
  current: number;
  /** Steps before the current one can be gone back to. */
  back?: (step: number) => void;
}

/** Where one is among the steps; on phones numbers alone, and the name of the current one below. */
export function Stepper({ steps, current, back }: Props) {
  const { t } = useTranslation("setup");
  return (
    <nav aria-label={t("steps")}>
      <ol className={classes.steps}>
        {steps.map((name, step) => {
          const done = step < current;
          const inner = (
            <>
              <span className={classes.number} aria-hidden>
                {done ? <IconCheck size={14} /> : step + 1}
              </span>
              <span className={classes.name}>
                {name}
                {done && <span className="visually-hidden"> {t("stepDone")}</span>}
              </span>
            </>
          );
          return (
            <li key={name}>
              {done && back ? (
                <UnstyledButton className={classes.step} data-done onClick={() => back(step)}>
                  {inner}
                </UnstyledButton>
              ) : (
                <span className={classes.step} data-done={done || undefined} aria-current={step === current ? "step" : undefined}>
                  {inner}
                </span>
              )}
            </li>
          );
        })}
      </ol>
      <Text size="sm" c="dimmed" mt={6} hiddenFrom="sm">
        {t("stepOf", { step: current + 1, steps: steps.length, name: steps[current] })}
      </Text>
    </nav>
  );
}
