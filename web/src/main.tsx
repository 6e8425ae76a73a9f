import "@mantine/core/styles/baseline.layer.css";
import "@mantine/core/styles/default-css-variables.layer.css";
import "@mantine/core/styles/global.layer.css";
import "./app/app.css";
import { MantineProvider } from "@mantine/core";
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { lazy, StrictMode, Suspense } from "react";
import { createRoot } from "react-dom/client";
import { startI18n } from "./app/i18n.ts";
import { queryClient } from "./app/queries.ts";
import { router } from "./app/router.tsx";
import { schemeManager } from "./app/scheme.ts";
import { cssVariables, theme } from "./app/theme.ts";
import { anyNotice } from "./ui/notify.ts";

const Notices = lazy(() => import("./app/Notices.tsx"));

/** Fetched when there is something to say. */
function NoticesWhenNeeded() {
  return <Suspense fallback={null}>{anyNotice.use() && <Notices />}</Suspense>;
}

await startI18n();

const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <MantineProvider
        theme={theme}
        cssVariablesResolver={cssVariables}
        colorSchemeManager={schemeManager}
        defaultColorScheme="auto"
      >
        <NoticesWhenNeeded />
        <QueryClientProvider client={queryClient}>
          <RouterProvider router={router} />
        </QueryClientProvider>
      </MantineProvider>
    </StrictMode>,
  );
}
