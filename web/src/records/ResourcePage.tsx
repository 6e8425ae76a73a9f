import { Page } from "../ui/Page.tsx";

export function ResourcePage() {
  return <Page title="ResourcePage">…</Page>;
}
