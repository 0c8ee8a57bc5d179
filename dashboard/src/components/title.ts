import { useEffect } from "react";

/** Names the page in the tab. */
export function useTitle(text: string): void {
  useEffect(() => {
    document.title = `${text} · Milepost`;
  }, [text]);
}
