import { Page } from "../ui/Page.tsx";
import { useTranslation } from "react-i18next";
import { useState } from "react";
import { Button, Title } from "@mantine/core";
import { IconPlus } from "@tabler/icons-react";
import { TokenList } from "./Tokens.tsx";

export function TokensPage() {
  const { t } = useTranslation("admin");
  const [adding, setAdding] = useState(false);
  return (
    <Page
      title={t("tokens.title")}
      lead={t("tokens.lead")}
      actions={
        <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={() => setAdding(true)}>
          {t("tokens.add")}
        </Button>
      }
    >
      <TokenList show="tokens" adding={adding} onAdding={setAdding} />
      <Title order={2} size="h4">
        {t("sessions.title")}
      </Title>
      <TokenList show="sessions" />
    </Page>
  );
}
