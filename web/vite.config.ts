import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";
import { mantineStyles, mantineStylesInDevelopment } from "./build/mantineStyles.ts";

// During development the app runs beside a server: `npm run dev`, with LENTICULAR_SERVER where it is not on port 8080.
const server = process.env.LENTICULAR_SERVER ?? "http://127.0.0.1:8080";
const proxied = { target: server, changeOrigin: false };

export default defineConfig({
  plugins: [react(), mantineStyles(), mantineStylesInDevelopment()],
  build: {
    target: "es2022",
    sourcemap: false,
    chunkSizeWarningLimit: 4000,
    assetsInlineLimit: 0,
  },
  worker: { format: "es" },
  server: {
    host: "127.0.0.1",
    proxy: Object.fromEntries(
      ["/api", "/fhir", "/dicom-web", "/login", "/logout", "/healthz"].map((path) => [path, proxied]),
    ),
  },
});
