import { Outlet } from "@tanstack/react-router";
import { Suspense } from "react";
import { Loading } from "../ui/Loading.tsx";
import { useFocusKept } from "./focus.ts";

export function Bare() {
  useFocusKept();
  return (
    <Suspense fallback={<Loading />}>
      <Outlet />
    </Suspense>
  );
}
