// The routes that all others hang from: the bare page, and the shell for whoever is signed in.
import { createRootRoute, createRoute } from "@tanstack/react-router";
import { NotFound } from "../ui/NotFound.tsx";
import { Broken } from "../ui/Problem.tsx";
import { Bare } from "./Bare.tsx";
import { Shell } from "./Shell.tsx";
import { SignedIn } from "./SignedIn.tsx";

export const rootRoute = createRootRoute({ component: Bare, notFoundComponent: NotFound, errorComponent: Broken });

/** Pages that need a session. */
export const signedInRoute = createRoute({ getParentRoute: () => rootRoute, id: "signed-in", component: SignedIn });

/** Pages with navigation around them. The viewer has the whole window and hangs from `signedInRoute`. */
export const shellRoute = createRoute({ getParentRoute: () => signedInRoute, id: "shell", component: Shell });
