import { Group, UnstyledButton } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { LANGUAGE_NAMES, LANGUAGES, setLanguage } from "../app/i18n.ts";
import classes from "./LanguageLinks.module.css";

/** Each language in its own words: who cannot read this page finds their own. */
export function LanguageLinks() {
  const { t, i18n } = useTranslation("setup");
  return (
    <Group gap={4} component="nav" aria-label={t("language")}>
      {LANGUAGES.map((language) => (
        <UnstyledButton
          key={language}
          lang={language === "zh" ? "zh-Hans" : language}
          className={classes.language}
          aria-current={i18n.language === language || undefined}
          onClick={() => void setLanguage(language)}
        >
          {LANGUAGE_NAMES[language]}
        </UnstyledButton>
      ))}
    </Group>
  );
}
