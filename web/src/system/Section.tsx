import { Stack, Text, Title } from "@mantine/core";
import { type ReactNode, useId } from "react";

/** A part of a page, named by its heading. */
export function Section({ title, lead, children }: { title: string; lead?: string; children: ReactNode }) {
  const heading = useId();
  return (
    <Stack component="section" gap="sm" aria-labelledby={heading}>
      <div>
        <Title order={2} size="h4" id={heading}>
          {title}
        </Title>
        {lead && (
          <Text size="sm" c="dimmed" maw="70ch">
            {lead}
          </Text>
        )}
      </div>
      {children}
    </Stack>
  );
}
