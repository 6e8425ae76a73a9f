// What a server says about the entries of a Bundle.

export interface EntryOutcomes {
  stored: number;
  duplicate: number;
  refused: number;
  /** The words of the first refusals. */
  words: string[];
}

interface Outcome {
  issue?: { diagnostics?: string; details?: { text?: string }; code?: string; expression?: string[] }[];
}

const WORDS = 5;

export function wordsOf(outcome: Outcome | undefined): string {
  const [issue] = outcome?.issue ?? [];
  return issue?.details?.text ?? issue?.diagnostics ?? issue?.code ?? "";
}

/** Reads a batch-response or transaction-response. `again`: an earlier try of ours may have got through, so what is here is ours. */
export function entryOutcomes(text: string, again: boolean): EntryOutcomes {
  const counted: EntryOutcomes = { stored: 0, duplicate: 0, refused: 0, words: [] };
  const bundle = JSON.parse(text) as { entry?: { response?: { status?: string; outcome?: Outcome } }[] };
  for (const [index, entry] of (bundle.entry ?? []).entries()) {
    const status = Number.parseInt(entry.response?.status ?? "", 10);
    if (status === 412) counted[again ? "stored" : "duplicate"] += 1;
    else if (status >= 200 && status < 300) counted.stored += 1;
    else {
      counted.refused += 1;
      const words = wordsOf(entry.response?.outcome);
      if (counted.words.length < WORDS && words) counted.words.push(`${index + 1}: ${words}`);
    }
  }
  return counted;
}
