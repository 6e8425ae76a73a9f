// A short table that becomes cards where the window is narrow, and stays a table for screen readers.
import type { ReactNode } from "react";
import classes from "./Rows.module.css";

export interface Column<T> {
  key: string;
  head: string;
  cell: (row: T) => ReactNode;
}

interface Props<T> {
  /** What the table holds, for who hears it. */
  label: string;
  rows: readonly T[];
  /** The first column names the row. */
  columns: Column<T>[];
  rowKey: (row: T) => string;
  actions?: { head: string; cell: (row: T) => ReactNode };
}

export function Rows<T>({ label, rows, columns, rowKey, actions }: Props<T>) {
  return (
    <div className={`card ${classes.frame}`}>
      {/* the roles are said again because `display: block` takes them from a table */}
      <table className={classes.table} role="table" aria-label={label}>
        <thead role="rowgroup">
          <tr role="row">
            {columns.map((column) => (
              <th key={column.key} scope="col" role="columnheader">
                {column.head}
              </th>
            ))}
            {actions && (
              <th scope="col" role="columnheader">
                <span className="visually-hidden">{actions.head}</span>
              </th>
            )}
          </tr>
        </thead>
        <tbody role="rowgroup">
          {rows.map((row) => (
            <tr key={rowKey(row)} role="row">
              {columns.map((column, index) =>
                index === 0 ? (
                  <th key={column.key} scope="row" role="rowheader">
                    {column.cell(row)}
                  </th>
                ) : (
                  <td key={column.key} role="cell">
                    <span className={classes.label} aria-hidden>
                      {column.head}
                    </span>
                    <span>{column.cell(row)}</span>
                  </td>
                ),
              )}
              {actions && (
                <td role="cell" data-wide>
                  <span className={classes.actions}>{actions.cell(row)}</span>
                </td>
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
