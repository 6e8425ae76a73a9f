import { createContext, useContext } from "react";
import type { Desk } from "./desk.ts";

const DeskContext = createContext<Desk | null>(null);
export const DeskProvider = DeskContext.Provider;

export function useDesk(): Desk {
  const desk = useContext(DeskContext);
  if (!desk) throw new Error("the parts of the viewer have a desk");
  return desk;
}
