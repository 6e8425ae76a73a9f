import { Page } from "../ui/Page.tsx";

export function LinkPage() {
  return <Page title="LinkPage">…</Page>;
}
