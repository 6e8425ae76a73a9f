import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { createPortal } from "react-dom";
import i18next from "i18next";
import { LANGUAGES } from "../app/i18n.ts";
import { makeFormat } from "../app/format.ts";
import { useSession } from "../app/session.tsx";
import { QrCode } from "./qr.tsx";
import classes from "./sharing.module.css";

interface Props {
  link: string;
  title: string;
  expires?: string | null;
}

/** The cloud film: a card to take home, in all three languages, with everything that opens the images. It is seen in print alone. */
export function PrintCard({ link, title, expires }: Props) {
  const { t } = useTranslation("sharing");
  const session = useSession();
  const [ready, setReady] = useState(false);
  useEffect(() => {
    let gone = false;
    void i18next.loadLanguages([...LANGUAGES]).then(() => {
      if (!gone) setReady(true);
    });
    return () => {
      gone = true;
    };
  }, []);
  // a child of the body, so that all beside it can be left out of the print
  return createPortal(
      <div className={classes.card} data-print-card="" aria-hidden>
        <h1>
          <bdi>{session.member.name}</bdi>
        </h1>
        <div className={classes.cardBody}>
          <QrCode value={link} title={t("qr.title")} description={t("qr.description")} size={226} />
          <div>
            <p>
              <strong>
                <bdi>{title}</bdi>
              </strong>
            </p>
            {ready &&
              LANGUAGES.map((language) => {
                const say = i18next.getFixedT(language, "sharing");
                const until = expires ? makeFormat(language, session.member.timezone).time(expires) : "";
                return (
                  <p key={language} lang={language === "zh" ? "zh-Hans" : language}>
                    {say("card.how")} {expires && say("card.until", { until })} {say("card.secret")}
                  </p>
                );
              })}
            <p className={classes.address} translate="no">
              {link}
            </p>
          </div>
        </div>
      </div>,
    document.body,
  );
}
