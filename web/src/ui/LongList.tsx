import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { type ReactNode, useLayoutEffect, useRef, useState } from "react";

interface Props<T> {
  label: string;
  items: readonly T[];
  keyOf: (item: T) => string | number;
  estimate: number;
  children: (item: T) => ReactNode;
}

/** A list of any length: only what is near the window exists. */
export function LongList<T>({ label, items, keyOf, estimate, children }: Props<T>) {
  const ref = useRef<HTMLUListElement>(null);
  const [top, setTop] = useState(0);
  useLayoutEffect(() => {
    const list = ref.current;
    const now = list ? Math.round(list.getBoundingClientRect().top + window.scrollY) : 0;
    if (now !== top) setTop(now);
  });
  const virtual = useWindowVirtualizer({
    count: items.length,
    estimateSize: () => estimate,
    overscan: 8,
    scrollMargin: top,
    getItemKey: (index) => {
      const item = items[index];
      return item === undefined ? index : keyOf(item);
    },
  });
  return (
    <ul ref={ref} aria-label={label} style={{ position: "relative", height: virtual.getTotalSize(), margin: 0, padding: 0, listStyle: "none" }}>
      {virtual.getVirtualItems().map((place) => {
        const item = items[place.index];
        return item === undefined ? null : (
          <li
            key={place.key}
            ref={virtual.measureElement}
            data-index={place.index}
            aria-setsize={items.length}
            aria-posinset={place.index + 1}
            style={{ position: "absolute", insetInline: 0, top: 0, transform: `translateY(${place.start - top}px)` }}
          >
            {children(item)}
          </li>
        );
      })}
    </ul>
  );
}
