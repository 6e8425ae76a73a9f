import { Page } from "../ui/Page.tsx";

export function TrayPage() {
  return <Page title="TrayPage">…</Page>;
}
