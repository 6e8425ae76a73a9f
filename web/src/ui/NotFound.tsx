import { Anchor, Container } from "@mantine/core";
import { IconMapQuestion } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { Empty } from "./Empty.tsx";
import { useTitle } from "./Page.tsx";

/** No page has this address. */
export function NotFound() {
  const { t } = useTranslation("ui");
  useTitle(t("notFound.title"));
  return (
    <Container size="sm" py="xl" component="main">
      <h1 className="visually-hidden" tabIndex={-1}>
        Lenticular
      </h1>
      <Empty icon={IconMapQuestion} title={t("notFound.title")} action={<Anchor href="/">{t("notFound.home")}</Anchor>}>
        {t("notFound.words")}
      </Empty>
    </Container>
  );
}
