import "react";

declare module "react" {
  interface InputHTMLAttributes<T> {
    /** A whole folder is picked; every browser has it, no standard does. */
    webkitdirectory?: "";
  }
}
