import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app";
import { listenToKeys } from "./keyboard";
import "./styles/index.css";
import { applyTheme } from "./theme";

applyTheme();
listenToKeys();
const place = document.getElementById("app");
if (place) {
  createRoot(place).render(
    <StrictMode>
      <App />
    </StrictMode>,
  );
}
