// Help of each picture: the sentence beside it, more below it, and the document that has all of it.
//
// A page adds its own pictures with `explain`.

export const HELP = {};

// entries: {key: {title, look: a sentence, more: [paragraphs], document: "docs/search.md"}}
export function explain(entries) {
  Object.assign(HELP, entries);
}
