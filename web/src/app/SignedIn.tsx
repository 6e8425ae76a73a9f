import { Outlet } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { linkToken } from "../api/http.ts";
import { Loading } from "../ui/Loading.tsx";
import { NoSession, ProblemView } from "../ui/Problem.tsx";
import { hasChosenLanguage, LANGUAGES, setLanguage } from "./i18n.ts";
import { PaletteContext } from "./palette.ts";
import { goToLogin, SessionProvider, useSessionQuery } from "./session.tsx";
import { useShortcuts } from "./shortcuts.ts";

type PaletteComponent = typeof import("./Palette.tsx").default;

/** Nothing below is shown to nobody: without a session the login page comes, and comes back here. */
export function SignedIn() {
  const { data: session, error, isPending, refetch } = useSessionQuery();
  const [paletteOpen, setPaletteOpen] = useState(false);
  // held here and not behind Suspense, which would keep it back for 300 ms when it first opens
  const [Palette, setPalette] = useState<PaletteComponent | null>(null);
  const absent = session === null;
  useEffect(() => {
    if (absent) goToLogin();
  }, [absent]);
  // on a new device the language that was chosen on another one
  const chosen = LANGUAGES.find((known) => known === session?.preferences.language);
  useEffect(() => {
    if (chosen && !hasChosenLanguage()) void setLanguage(chosen);
  }, [chosen]);
  // fetched while nobody waits for it, so that it opens at once
  const wanted = Boolean(session) && Palette === null;
  useEffect(() => {
    if (!wanted) return;
    const load = () => void import("./Palette.tsx").then((module) => setPalette(() => module.default));
    if (paletteOpen || !("requestIdleCallback" in window)) return load();
    const idle = requestIdleCallback(load, { timeout: 2000 });
    return () => cancelIdleCallback(idle);
  }, [wanted, paletteOpen]);
  const open = () => setPaletteOpen(true);
  useShortcuts({ "mod+k": () => setPaletteOpen((was) => !was), "/": open }, { enabled: !absent && !linkToken(), inDialogs: paletteOpen });
  if (isPending) return <Loading />;
  if (error) return <ProblemView error={error} retry={() => void refetch()} page />;
  if (!session) return <NoSession />;
  return (
    <SessionProvider value={session}>
      <PaletteContext.Provider value={open}>
        <Outlet />
        {paletteOpen && Palette && <Palette close={() => setPaletteOpen(false)} />}
      </PaletteContext.Provider>
    </SessionProvider>
  );
}
