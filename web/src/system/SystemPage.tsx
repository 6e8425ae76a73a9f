import { Page } from "../ui/Page.tsx";

export function SystemPage() {
  return <Page title="SystemPage">…</Page>;
}
