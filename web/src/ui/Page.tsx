import { Container, type ContainerProps, Group, Stack, Text, Title } from "@mantine/core";
import { type ReactNode, useEffect } from "react";

interface Props {
  title: string;
  /** One line that says what the page is for. */
  lead?: ReactNode;
  /** Buttons beside the title. */
  actions?: ReactNode;
  size?: ContainerProps["size"];
  children: ReactNode;
}

/** A page below the shell: its title is the window's and its one `h1`. */
export function Page({ title, lead, actions, size = "xl", children }: Props) {
  useTitle(title);
  return (
    <Container size={size} py="lg" px={{ base: "sm", sm: "lg" }} w="100%">
      <Stack gap="lg">
        <Group justify="space-between" align="flex-end" gap="sm">
          <div style={{ minWidth: 0, flex: "1 1 16rem" }}>
            <Title order={1} size="h2" tabIndex={-1}>
              {title}
            </Title>
            {lead && (
              <Text c="dimmed" size="sm" mt={4} maw="70ch">
                {lead}
              </Text>
            )}
          </div>
          {actions && <Group gap="xs">{actions}</Group>}
        </Group>
        {children}
      </Stack>
    </Container>
  );
}

export function useTitle(title: string) {
  useEffect(() => {
    document.title = `${title} · Lenticular`;
    return () => {
      document.title = "Lenticular";
    };
  }, [title]);
}
