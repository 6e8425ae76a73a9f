/** Text from outside: its own direction, never ours, and whatever it holds is text. Control marks cannot reach beyond it. */
export function Bidi({ children, lines }: { children: string; lines?: number }) {
  return (
    <bdi
      style={
        lines
          ? { display: "-webkit-box", WebkitBoxOrient: "vertical", WebkitLineClamp: lines, overflow: "hidden", overflowWrap: "anywhere" }
          : { overflowWrap: "anywhere" }
      }
      title={lines && children.length > 60 ? children.slice(0, 500) : undefined}
    >
      {children}
    </bdi>
  );
}
