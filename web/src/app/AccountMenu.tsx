import { useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { useSession } from "./session.tsx";
import { UserButton } from "./UserButton.tsx";

type UserMenuComponent = typeof import("./UserMenu.tsx").default;

/** The account button; its menu is fetched when somebody comes near it. */
export function AccountMenu() {
  const { t } = useTranslation();
  const session = useSession();
  const button = useRef<HTMLButtonElement>(null);
  const clicked = useRef(false);
  const [menu, setMenu] = useState<{ Component: UserMenuComponent; focused: boolean } | null>(null);
  const fetchMenu = () =>
    void import("./UserMenu.tsx").then(({ default: Component }) => {
      setMenu((known) => known ?? { Component, focused: document.activeElement === button.current });
    });
  if (menu) return <menu.Component opened={clicked.current} focused={menu.focused} />;
  return (
    <UserButton
      ref={button}
      name={session.user?.name ?? t("guest")}
      member={session.member.name}
      aria-haspopup="menu"
      aria-expanded={false}
      onPointerEnter={fetchMenu}
      onFocus={fetchMenu}
      onPointerDown={(event) => {
        // the menu may take this button's place before it is let go, and then no click comes
        if (event.button === 0) clicked.current = true;
        fetchMenu();
      }}
      onClick={() => {
        clicked.current = true;
        fetchMenu();
      }}
    />
  );
}
