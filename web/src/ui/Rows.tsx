// A table of any length: only what is near the window exists. Arrow keys move, Enter opens; on a phone each row is a card.
import { UnstyledButton } from "@mantine/core";
import { useElementSize, useMediaQuery } from "@mantine/hooks";
import { IconArrowDown, IconArrowUp } from "@tabler/icons-react";
import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { type KeyboardEvent, type MouseEvent, type ReactNode, useEffect, useId, useLayoutEffect, useRef, useState } from "react";
import { typing } from "../app/shortcuts.ts";
import classes from "./Rows.module.css";

export interface Column<T> {
  key: string;
  label: string;
  /** Least width in pixels, and its share of what is left. */
  min: number;
  grow?: number;
  sortable?: boolean;
  end?: boolean;
  /** `focusable`: whether a link in it may be reached by Tab: only those of the row that is marked. */
  render: (row: T, focusable: boolean) => ReactNode;
}

export interface Sort {
  key: string;
  down: boolean;
}

interface Props<T> {
  /** What the table holds, for screen readers. */
  label: string;
  columns: Column<T>[];
  count: number;
  /** The row, or undefined while it is fetched. */
  rowAt: (index: number) => T | undefined;
  keyOf: (row: T) => string;
  open: (row: T) => void;
  /** Buttons at the end of a row. */
  actions?: (row: T, focusable: boolean) => ReactNode;
  actionsLabel?: string;
  actionsWidth?: number;
  card: (row: T) => ReactNode;
  sort?: Sort;
  onSort?: (sort: Sort) => void;
  /** The rows that are near the window, so that their pages can be asked for. */
  onRange?: (first: number, last: number) => void;
  /** How many columns fit; the others are left out. */
  onFit?: (columns: number) => void;
  rowHeight?: number;
  cardHeight?: number;
}

const GAP = 12;
const PADDING = 32;

/** The columns that fit `width`: at least the first. */
export function fitting<T>(columns: Column<T>[], width: number, actions: number): Column<T>[] {
  let left = width - actions - PADDING;
  let fits = 0;
  for (const column of columns) {
    left -= column.min + GAP;
    if (left < 0 && fits > 0) break;
    fits += 1;
  }
  return columns.slice(0, fits);
}

export function Rows<T>(props: Props<T>) {
  const { columns, count, rowAt, keyOf, open, actions, sort, onSort, onRange, onFit } = props;
  const id = useId();
  const phone = useMediaQuery("(max-width: 48em)", window.matchMedia("(max-width: 48em)").matches);
  const { ref: sizeRef, width } = useElementSize<HTMLDivElement>();
  const listRef = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const [active, setActive] = useState(0);
  const actionsWidth = actions ? (props.actionsWidth ?? 88) : 0;
  const shown = fitting(columns, width || window.innerWidth, actionsWidth);
  const marked = Math.min(active, Math.max(0, count - 1));

  // what stands above may grow or shrink
  useLayoutEffect(() => {
    const place = listRef.current;
    if (place) setTop(place.getBoundingClientRect().top + window.scrollY);
  }, [count > 0, phone, width]);

  const virtual = useWindowVirtualizer({
    count,
    estimateSize: () => (phone ? (props.cardHeight ?? 104) : (props.rowHeight ?? 48)),
    overscan: 12,
    scrollMargin: top,
    scrollPaddingStart: 110,
    scrollPaddingEnd: 80,
  });
  const items = virtual.getVirtualItems();
  const first = items[0]?.index ?? 0;
  const last = items[items.length - 1]?.index ?? 0;
  useEffect(() => onRange?.(first, last), [first, last, count, onRange]);
  useEffect(() => onFit?.(phone ? columns.length : shown.length), [shown.length, phone, columns.length, onFit]);
  useEffect(() => virtual.measure(), [phone, virtual]);

  function onKeyDown(event: KeyboardEvent<HTMLDivElement>) {
    if (typing(event.nativeEvent) || event.altKey || event.ctrlKey || event.metaKey) return;
    const page = Math.max(1, Math.floor(window.innerHeight / 60));
    const steps: Record<string, number> = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -count, End: count };
    const step = steps[event.key];
    if (step !== undefined) {
      event.preventDefault();
      const to = Math.max(0, Math.min(count - 1, marked + step));
      setActive(to);
      virtual.scrollToIndex(to, { align: "auto" });
      event.currentTarget.focus({ preventScroll: true });
    } else if (event.key === "Enter" && event.target === event.currentTarget) {
      const row = rowAt(marked);
      if (row) {
        event.preventDefault();
        open(row);
      }
    }
  }

  function onClick(event: MouseEvent, row: T | undefined, index: number) {
    setActive(index);
    if (!row || event.defaultPrevented || (event.target as Element).closest("a, button, input, [role=menu], [role=dialog]")) return;
    if (window.getSelection()?.toString()) return;
    open(row);
  }

  const template = [...shown.map((column) => `minmax(${column.min}px, ${column.grow ?? 1}fr)`), ...(actions ? [`${actionsWidth}px`] : [])].join(" ");
  if (phone)
    return (
      <div ref={sizeRef}>
        <div ref={listRef} role="list" aria-label={props.label} style={{ position: "relative", height: virtual.getTotalSize() }}>
          {items.map((item) => {
            const row = rowAt(item.index);
            return (
              <div
                key={row ? keyOf(row) : item.index}
                ref={virtual.measureElement}
                data-index={item.index}
                role="listitem"
                aria-setsize={count}
                aria-posinset={item.index + 1}
                className={classes.card}
                style={{ transform: `translateY(${item.start - top}px)` }}
                onClick={(event) => onClick(event, row, item.index)}
              >
                <div className={classes.cardBody}>
                  {row ? props.card(row) : <span className={classes.waiting} />}
                  {row && actions && <div className={classes.cardActions}>{actions(row, true)}</div>}
                </div>
              </div>
            );
          })}
        </div>
      </div>
    );
  return (
    <div
      ref={sizeRef}
      role="grid"
      aria-label={props.label}
      aria-rowcount={count + 1}
      aria-activedescendant={count > 0 && marked >= first && marked <= last ? `${id}-${marked}` : undefined}
      tabIndex={0}
      className={classes.grid}
      onKeyDown={onKeyDown}
    >
      <div role="rowgroup" className={classes.head}>
        <div role="row" aria-rowindex={1} className={classes.row} style={{ gridTemplateColumns: template }}>
          {shown.map((column) => {
            const sorted = sort?.key === column.key;
            return (
              <div
                key={column.key}
                role="columnheader"
                aria-sort={sorted ? (sort.down ? "descending" : "ascending") : undefined}
                className={classes.heading}
                data-end={column.end || undefined}
              >
                {column.sortable && onSort ? (
                  <UnstyledButton className={classes.sort} onClick={() => onSort({ key: column.key, down: sorted ? !sort.down : false })}>
                    <span>{column.label}</span>
                    {sorted && (sort.down ? <IconArrowDown size={14} aria-hidden /> : <IconArrowUp size={14} aria-hidden />)}
                  </UnstyledButton>
                ) : (
                  column.label
                )}
              </div>
            );
          })}
          {actions && (
            <div role="columnheader" className={classes.heading}>
              <span className="visually-hidden">{props.actionsLabel}</span>
            </div>
          )}
        </div>
      </div>
      <div ref={listRef} role="rowgroup" style={{ position: "relative", height: virtual.getTotalSize() }}>
        {items.map((item) => {
          const row = rowAt(item.index);
          const isMarked = item.index === marked;
          return (
            <div
              key={row ? keyOf(row) : item.index}
              id={`${id}-${item.index}`}
              role="row"
              aria-rowindex={item.index + 2}
              aria-selected={isMarked}
              data-marked={isMarked || undefined}
              className={`${classes.row} ${classes.body}`}
              style={{ gridTemplateColumns: template, height: item.size, transform: `translateY(${item.start - top}px)` }}
              onClick={(event) => onClick(event, row, item.index)}
            >
              {shown.map((column) => (
                <div key={column.key} role="gridcell" className={classes.cell} data-end={column.end || undefined}>
                  {row ? column.render(row, isMarked) : <span className={classes.waiting} />}
                </div>
              ))}
              {actions && (
                <div role="gridcell" className={classes.actions}>
                  {row && actions(row, isMarked)}
                </div>
              )}
            </div>
          );
        })}
      </div>
    </div>
  );
}
