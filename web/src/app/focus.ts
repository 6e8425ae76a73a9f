// The focus is never lost: when what had it goes away, it moves to the dialog that is open, else to what opened the dialog that
// closed, else to the heading of the page.
import { useEffect } from "react";

/** Whoever closed or removed it may put the focus somewhere better first. */
const PATIENCE = 60;
/** How long the heading of a page that is still being fetched is waited for. */
const LIMIT = 5000;

function refuge(opener: Element | null): HTMLElement | null {
  const dialogs = document.querySelectorAll<HTMLElement>('[role="dialog"][aria-modal="true"]');
  const open = dialogs[dialogs.length - 1];
  if (open) return open;
  if (opener instanceof HTMLElement && opener.isConnected && !opener.matches(":disabled")) return opener;
  return document.querySelector<HTMLElement>("main h1[tabindex]");
}

export function useFocusKept() {
  useEffect(() => {
    let last: Element | null = null;
    let within = false;
    let opener: Element | null = null;
    let since = 0;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const lost = () => last !== null && !last.isConnected && (document.activeElement === null || document.activeElement === document.body);
    const find = () => {
      timer = undefined;
      if (!lost()) return;
      refuge(within ? opener : null)?.focus({ preventScroll: true });
      if (lost() && performance.now() - since < LIMIT) timer = setTimeout(find, PATIENCE);
    };
    const observer = new MutationObserver(() => {
      if (timer !== undefined || !lost()) return;
      since = performance.now();
      timer = setTimeout(find, PATIENCE);
    });
    const note = (event: FocusEvent) => {
      const now = event.target instanceof Element ? event.target : null;
      const inDialog = now?.closest('[role="dialog"]') != null;
      if (inDialog && !within) opener = last;
      within = inDialog;
      last = now;
    };
    document.addEventListener("focusin", note);
    observer.observe(document.body, { childList: true, subtree: true });
    return () => {
      document.removeEventListener("focusin", note);
      observer.disconnect();
      clearTimeout(timer);
    };
  }, []);
}
