import { Page } from "../ui/Page.tsx";

export function UploadPage() {
  return <Page title="UploadPage">…</Page>;
}
