import { Avatar, Text, UnstyledButton, type UnstyledButtonProps } from "@mantine/core";
import { type ComponentPropsWithoutRef, forwardRef } from "react";
import { useTranslation } from "react-i18next";
import classes from "./UserMenu.module.css";

type Props = { name: string; member: string } & UnstyledButtonProps & ComponentPropsWithoutRef<"button">;

/** Who is signed in and for which member: opens the account menu. */
export const UserButton = forwardRef<HTMLButtonElement, Props>(function UserButton({ name, member, className, ...button }, ref) {
  const { t } = useTranslation();
  return (
    <UnstyledButton ref={ref} className={`${classes.target} ${className ?? ""}`} {...button}>
      <span className="visually-hidden">{t("userMenu", { name, member })}</span>
      <span className={classes.words} aria-hidden>
        <Text size="sm" fw={600} truncate dir="auto">
          {name}
        </Text>
        <Text size="xs" c="dimmed" truncate dir="auto">
          {member}
        </Text>
      </span>
      <Avatar name={name} size={34} radius="xl" color="lens" aria-hidden />
    </UnstyledButton>
  );
});
