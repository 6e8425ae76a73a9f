import { Outlet, useRouterState } from "@tanstack/react-router";
import { Suspense, useEffect } from "react";
import { Loading } from "../ui/Loading.tsx";

/** Moves the focus to the heading of a page that was gone to, so that a screen reader says where one is. */
function useFocusOnArrival() {
  const path = useRouterState({ select: (state) => state.resolvedLocation?.pathname });
  useEffect(() => {
    if (path === undefined || document.activeElement !== document.body) return;
    document.querySelector<HTMLElement>("main h1")?.focus({ preventScroll: true });
  }, [path]);
}

export function Bare() {
  useFocusOnArrival();
  return (
    <Suspense fallback={<Loading />}>
      <Outlet />
    </Suspense>
  );
}
