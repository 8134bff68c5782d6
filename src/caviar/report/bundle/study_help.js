// Help of the pictures of a study.

import { explain } from "./help.js";

explain({
  answer: {
    title: "The answer",
    look: "The score of the sealed test is the one to believe: these rows were opened once, after everything was decided.",
    more: [
      "The interval says where the true score lies in 95 of 100 cases. The fewer rows a test has, the wider it is.",
      "A baseline is a simple prediction on the same rows. A network that is no better than always saying the same has learnt nothing.",
    ],
    document: "docs/real_tables.md",
  },
  answer_search: {
    title: "The answer of a search without a sealed test",
    look: "The best of many trials was also a little lucky: expect a little less of it, or train it again to know.",
    document: "docs/search.md",
  },
  history: {
    title: "History",
    look: "The line is the best so far: while it still climbs, more time helps; once it is flat, more of the same does not.",
    more: [
      "Every mark is a trial where it ended. A cross is a trial that diverged or failed. Trials at few epochs lie lower because they were stopped early.",
      "Against seconds, a gap between marks is a time in which long trainings ran, or no command did.",
    ],
    document: "docs/search.md",
  },
  curves: {
    title: "Learning curves",
    look: "The stronger the colour, the more trials went there; look whether the chosen line still rises at its end: then it wants more epochs.",
    more: ["All trials are counted in the shade, however many there are; only the best and the chosen ones are drawn as lines."],
    document: "docs/search.md",
  },
  rungs: {
    title: "Who was stopped where",
    look: "A rung is a number of epochs at which trials are compared: the poorer ones are stopped, and their time goes to the better ones.",
    more: ["The epochs that were saved are those that the stopped trials would still have needed to be trained to the end."],
    document: "docs/search.md",
  },
  importance: {
    title: "What mattered",
    look: "The further to the right, the more this hyperparameter decided; where an interval touches zero, it may not have mattered at all.",
    more: [
      "Importance: how much worse results are predicted when this hyperparameter is shuffled. It is a fall of R2, the share of the differences between trials that is explained: at 0.5 half of that goes, and it can be more than 1.",
      "Tier: the order in which the search begins to vary them, 1 first; in the default space it is that of the course, the learning rate before all others.",
    ],
    document: "docs/hyperparameters.md",
  },
  finals: {
    title: "Finals",
    look: "The way from the hollow ring to the dot is the winner's curse: the best of many trials was also a little lucky, and training it again shows how much.",
    more: [
      "The best few trials are trained again with fresh seeds, or on other folds. The mean of these repeats decides, not the score of the search.",
      "The sealed test was opened for the winner alone.",
    ],
    document: "docs/search.md",
  },
  timeline: {
    title: "Timeline",
    look: "Every bar is a trial from its beginning to its end: where all lanes have a gap, nothing was trained.",
    more: [
      "A trial that waits for its comparison keeps its lane meanwhile, so there are more lanes than trials that train at once.",
      "A trial that was interrupted and taken up again has one bar: the rest in between is in it.",
    ],
    document: "docs/performance.md",
  },
  slices: {
    title: "Slices",
    look: "Look for a hill: where the upper edge of the points bends down on both sides, the range is right; where it still rises at an edge, widen the range.",
    more: ["Every axis has the scale that the search draws from, so that equal distances were searched equally."],
    document: "docs/spaces.md",
  },
  boxes: {
    title: "Where the search went",
    look: "An orange box is the range that the search drew from at that time; bright points inside a shrinking box say that it narrowed to the right place.",
    more: ["Every box is made by a rule from the results before it; the sentence is its reason. A box that turns out too small is opened again."],
    document: "docs/search.md",
  },
  parallel: {
    title: "Parallel coordinates",
    look: "Drag along an axis to choose trials by a range: the lines that stay bright show what those trials have in common, and the table lists them.",
    more: ["With the keyboard: Tab to an axis, arrow up and down moves the range, with Shift its upper end, Delete clears it."],
    document: "docs/spaces.md",
  },
  trials: {
    title: "Trials",
    look: "Click a trial to see its config beside the best one; filter with words such as state:diverged, learning_rate<0.01 or epochs>=27.",
    more: ["With the keyboard: Tab to the table, arrow keys move, Page Up and Page Down move faster, Enter opens the trial, Escape closes it."],
    document: "docs/tables.md",
  },
  compare: {
    title: "Two studies side by side",
    look: "The study whose line is the better one at the same second found better configs in the same time since it began; a dot marks where it ended.",
    more: [
      "The seconds are those since the beginning: where a study was killed, or resumed later, the rest in between counts. The time among the facts is that of its commands alone.",
      "Compare only studies of the same data and metric: scores of different rows do not say which search is better.",
    ],
    document: "docs/search.md",
  },
  space: {
    title: "The space",
    look: "Trials of the old space that lie in the new one still count; the others are marked as outside in the table, and have no place on the axes.",
    more: ["A person changes the space of a study that runs or rests with caviar respace; the search goes on with what it knows."],
    document: "docs/spaces.md",
  },
  advice: { title: "Advice", look: "What the results say about the space itself; the command gives this study the wider space, and its trials still count.", document: "docs/spaces.md" },
  asked: { title: "Asked of this study", look: "Who stopped, extended or gave a config to the study while it ran, why, and what came of it.", document: "docs/dashboard.md" },
  printed: { title: "What its process printed", look: "The last lines say how it ended; an error stands there with its way out.", document: "docs/dashboard.md" },
  notes: { title: "Notes", look: "What was seen in the data and decided about it, and the option that decides otherwise.", document: "docs/tables.md" },
});
