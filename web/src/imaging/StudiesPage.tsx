import { Page } from "../ui/Page.tsx";

export function StudiesPage() {
  return <Page title="StudiesPage">…</Page>;
}
