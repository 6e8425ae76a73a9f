import { Page } from "../ui/Page.tsx";

export function ViewerPage() {
  return <Page title="ViewerPage">…</Page>;
}
