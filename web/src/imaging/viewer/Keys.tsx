import { Kbd, Modal, SimpleGrid, Table, Title } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { KEYS } from "./shortcuts.ts";

/** The page of keys. */
export function Keys({ close }: { close: () => void }) {
  const { t } = useTranslation("imaging");
  const shown = (key: string) => (/^(wheel|Ctrl wheel|right|middle|double|Space|Del)$/.test(key) ? t(`viewer.buttons.${key.replace(" ", "")}`) : key);
  return (
    <Modal opened onClose={close} title={t("viewer.help")} size="xl" closeButtonProps={{ "aria-label": t("viewer.close") }}>
      <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="lg">
        {KEYS.map(({ group, keys }) => (
          <section key={group} aria-labelledby={`keys-${group}`}>
            <Title order={3} size="h6" id={`keys-${group}`} mb={4}>
              {t(`viewer.keyGroups.${group}`)}
            </Title>
            <Table verticalSpacing={3} withRowBorders={false} fz="sm">
              <Table.Tbody>
                {keys.map(([names, what]) => (
                  <Table.Tr key={names.join()}>
                    <Table.Td w="45%">
                      {names.map((name, at) => (
                        <span key={name}>
                          {at > 0 && " – "}
                          <Kbd size="xs">{shown(name)}</Kbd>
                        </span>
                      ))}
                    </Table.Td>
                    <Table.Td>{t(`viewer.keys.${what}`)}</Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </section>
        ))}
      </SimpleGrid>
    </Modal>
  );
}
