export default function Palette({ close }: { close: () => void }) {
  return <button onClick={close}>…</button>;
}
