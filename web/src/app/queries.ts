import { MutationCache, QueryCache, QueryClient } from "@tanstack/react-query";
import { Problem } from "../api/http.ts";

function ended(error: unknown) {
  if (error instanceof Problem && error.status === 401) void queryClient.invalidateQueries({ queryKey: ["session"] });
}

/** Answers are private and change: kept a few seconds, asked again when a window comes back, retried only where that can help. */
export const queryClient = new QueryClient({
  queryCache: new QueryCache({ onError: (error, query) => query.queryKey[0] !== "session" && ended(error) }),
  mutationCache: new MutationCache({ onError: ended }),
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      gcTime: 60_000,
      retry: (count, error) => count < 2 && error instanceof Problem && error.retry,
      networkMode: "always",
    },
    mutations: { networkMode: "always" },
  },
});
