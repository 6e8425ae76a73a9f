import { Container, Skeleton, Stack } from "@mantine/core";
import { useTranslation } from "react-i18next";

/** The outline of what comes: nothing jumps when it is there. */
export function Loading({ rows = 6 }: { rows?: number }) {
  const { t } = useTranslation("ui", { useSuspense: false });
  return (
    <Container size="xl" py="lg" w="100%" role="status" aria-label={t("loading")}>
      <Stack gap="sm">
        <Skeleton height={28} width="min(18rem, 60%)" />
        {Array.from({ length: rows }, (_, row) => (
          <Skeleton key={row} height={44} />
        ))}
      </Stack>
    </Container>
  );
}
