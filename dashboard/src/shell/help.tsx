import { Dialog } from "../components/dialog";
import { useListedShortcuts, useShortcutsEnabled } from "../keyboard";

const NAMES: Record<string, string> = {
  ArrowDown: "↓",
  ArrowUp: "↑",
  ArrowLeft: "←",
  ArrowRight: "→",
  Escape: "Esc",
};

/** The shortcuts that work on the page below. */
export function Help({ onClose }: { onClose: () => void }) {
  const shortcuts = useListedShortcuts();
  const [enabled, enable] = useShortcutsEnabled();
  return (
    <Dialog title="Keyboard shortcuts" onClose={onClose}>
      <dl className="keys">
        {shortcuts.map((shortcut) => (
          <div key={shortcut.label}>
            <dt>
              {shortcut.keys.map((key) => (
                <kbd key={key}>{NAMES[key] ?? key}</kbd>
              ))}
            </dt>
            <dd>{shortcut.label}</dd>
          </div>
        ))}
        <div>
          <dt>
            {["↑", "↓", "←", "→"].map((key) => (
              <kbd key={key}>{key}</kbd>
            ))}
          </dt>
          <dd>Walk through a list, a tree, tabs or pictures</dd>
        </div>
      </dl>
      <label className="check">
        <input type="checkbox" checked={enabled} onChange={(event) => enable(event.target.checked)} />
        Single-key shortcuts
      </label>
    </Dialog>
  );
}
