import { Menu } from "@mantine/core";
import { IconBuildingHospital, IconCheck, IconKeyboard, IconLogout, IconMoon, IconSettings, IconSun, IconBulb, IconDeviceLaptop } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import { keepLinkToken } from "../api/http.ts";
import { UserButton } from "./UserButton.tsx";
import { setScheme, SCHEMES, useScheme } from "./scheme.ts";
import { signOut, useSession, useSwitchMember } from "./session.tsx";

const SCHEME_ICONS = { auto: IconDeviceLaptop, light: IconSun, dark: IconMoon, reading: IconBulb };

/** Who is signed in, for which member, and what they may set. `focused`: the button that this one stands for had the focus. */
export default function UserMenu({ opened: openedAtOnce, focused }: { opened: boolean; focused: boolean }) {
  const target = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (focused) target.current?.focus();
  }, [focused]);
  const { t } = useTranslation();
  const session = useSession();
  const scheme = useScheme();
  const switchMember = useSwitchMember();
  const name = session.user?.name ?? t("guest");
  return (
    <Menu defaultOpened={openedAtOnce} position="bottom-end" width={280} keepMounted={false} withinPortal={false}>
      <Menu.Target>
        <UserButton ref={target} name={name} member={session.member.name} />
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>
          <bdi>{name}</bdi> · {t(`roles.${session.role}`)}
        </Menu.Label>
        {session.memberships.length > 1 && (
          <>
            <Menu.Divider />
            <Menu.Label>{t("switchMember")}</Menu.Label>
            {session.memberships.map((membership) => (
              <Menu.Item
                key={membership.member}
                leftSection={<IconBuildingHospital size={16} aria-hidden />}
                rightSection={membership.member === session.member.id ? <IconCheck size={16} aria-label={t("current")} /> : null}
                onClick={() => void switchMember(membership.member)}
                disabled={membership.member === session.member.id}
              >
                <bdi>{membership.name}</bdi> · {t(`roles.${membership.role}`)}
              </Menu.Item>
            ))}
          </>
        )}
        <Menu.Divider />
        <Menu.Label>{t("colours")}</Menu.Label>
        <Menu.RadioGroup value={scheme} onChange={(value) => setScheme(SCHEMES.find((known) => known === value) ?? "auto")}>
          {SCHEMES.map((option) => {
            const SchemeIcon = SCHEME_ICONS[option];
            return (
              <Menu.RadioItem key={option} value={option} rightSection={<SchemeIcon size={16} aria-hidden />}>
                {t(`schemes.${option}`)}
              </Menu.RadioItem>
            );
          })}
        </Menu.RadioGroup>
        <Menu.Divider />
        {session.user && (
          <>
            <Menu.Item component={Link} to="/settings" leftSection={<IconSettings size={16} aria-hidden />}>
              {t("nav.settings")}
            </Menu.Item>
            <Menu.Item component={Link} to="/help" leftSection={<IconKeyboard size={16} aria-hidden />}>
              {t("nav.help")}
            </Menu.Item>
            <Menu.Item leftSection={<IconLogout size={16} aria-hidden />} onClick={() => void signOut()}>
              {t("signOut")}
            </Menu.Item>
          </>
        )}
        {!session.user && (
          <Menu.Item
            leftSection={<IconLogout size={16} aria-hidden />}
            onClick={() => {
              keepLinkToken(null);
              location.assign("/login");
            }}
          >
            {t("leaveLink")}
          </Menu.Item>
        )}
      </Menu.Dropdown>
    </Menu>
  );
}
