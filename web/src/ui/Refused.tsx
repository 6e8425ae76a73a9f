import { Anchor } from "@mantine/core";
import { IconLock } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { Empty } from "./Empty.tsx";
import { Page } from "./Page.tsx";

/** A page below the shell that the role has no use for: said at once, without asking the server for what it would refuse. */
export function Refused({ title }: { title: string }) {
  const { t } = useTranslation("ui");
  return (
    <Page title={title}>
      <Empty
        icon={IconLock}
        title={t("refused.title")}
        action={
          <Anchor component={Link} to="/">
            {t("notFound.home")}
          </Anchor>
        }
      >
        {t("refused.words")}
      </Empty>
    </Page>
  );
}
