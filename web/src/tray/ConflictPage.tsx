import { Page } from "../ui/Page.tsx";

export function ConflictPage() {
  return <Page title="ConflictPage">…</Page>;
}
