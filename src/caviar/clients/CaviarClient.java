import java.io.BufferedInputStream;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.function.Consumer;

/**
 * The training program's side of caviar: one file, nothing but Java 8 or newer. Copy it beside the program.
 *
 * <pre>
 * for (CaviarClient.Trial trial : CaviarClient.trials()) {
 *     Network network = new Network(trial.whole("hidden_units"), trial.seed());
 *     trial.onSave(network::save);          // called with a path; only if the network can be saved
 *     trial.onRestore(network::load);
 *     for (int epoch : trial.epochs()) {
 *         double score = network.trainOneEpoch(trial.real("learning_rate"));
 *         trial.report(epoch, score);
 *     }
 * }
 *
 * caviar tune --command "java Train" --space space.toml
 * caviar babysit --command "java Train" --config config.toml
 * </pre>
 *
 * <p>{@link #trials} gives trial after trial, as long as caviar has any. When caviar stops a trial early, {@code report}
 * returns false and {@code epochs} ends; when caviar rolls it back, {@code onRestore}'s function is called and {@code
 * epochs} goes back. What the program throws and does not catch is reported to caviar and ends the process.
 *
 * <p>{@link #run} calls a function for every trial instead. There {@code report} throws {@link TrialStopped}, which ends
 * this trial and no more, from however deep; so does anything else that is thrown, with which the trial has failed.
 *
 * <p>{@code System.out} is {@code System.err} from the first use of this class on, so that prints do no harm. A native
 * library that writes on standard output itself does none either as long as its lines do not begin with a brace.
 *
 * <p>Without caviar, one trial of three epochs, to see whether the program works: {@code CAVIAR_TRY='{"learning_rate":
 * 0.1}' java Train}, and {@code CAVIAR_TRY_EPOCHS=10} makes them ten. What caviar says and hears is in its
 * docs/protocol.md.
 */
public final class CaviarClient {
    private static final String VERSION = "1";
    private static final long STEP_NANOSECONDS = 100_000_000L; // between two steps that are reported
    private static final Caviar CAVIAR = connect();

    private CaviarClient() {}

    /** Caviar has stopped this trial. Not an Exception, so that {@code catch (Exception e)} lets it pass. */
    public static final class TrialStopped extends Error {
        private static final long serialVersionUID = 1L;

        private TrialStopped() {
            super("caviar has stopped this trial", null, false, false);
        }
    }

    /** What {@link #run} calls: trains one trial and returns its final score, or null for the last one reported. */
    public interface Objective {
        Double train(Trial trial) throws Exception;
    }

    /** Writes or reads one file. */
    public interface Keeper {
        void keep(String path) throws Exception;
    }

    /** Each trial that caviar sends, until there are no more; a trial is over at the end of the loop's body. */
    public static Iterable<Trial> trials() {
        return () -> new Trials(false);
    }

    /** Calls {@code objective} for each trial that caviar sends. */
    public static void run(Objective objective) {
        Trials trials = new Trials(true);
        while (trials.hasNext()) {
            Trial trial = trials.next();
            try {
                Double score = objective.train(trial);
                if (score == null) {
                    trial.done();
                } else {
                    trial.done(score);
                }
            } catch (TrialStopped stopped) {
                trial.done();
            } catch (Throwable error) { // an OutOfMemoryError is no Exception
                trial.failed(error);
            }
        }
    }

    /** One config to train. */
    public static final class Trial {
        private final boolean raises;
        private final int number;
        private final long seed;
        private final int lastEpoch;
        private final String folder;
        private final Map<String, Object> config;
        private final Map<String, Object> knobs;
        private Keeper save;
        private Keeper restore;
        private Consumer<Map<String, Object>> onKnobs;
        private int epoch;
        private String snapshot; // to be restored before the next epoch begins
        private boolean canGoBack; // only epochs() can
        private boolean stopped;
        private boolean over;
        private Long reported; // when the last step was
        private int last; // epoch that was reported, or restored

        private Trial(Map<String, Object> message, boolean raises) {
            this.raises = raises;
            number = ((Number) message.get("trial")).intValue();
            seed = ((Number) message.get("seed")).longValue();
            lastEpoch = ((Number) message.get("epochs")).intValue();
            folder = (String) message.get("folder");
            config = new LinkedHashMap<>(object(message.get("config")));
            knobs = new LinkedHashMap<>(config);
            if (message.get("start") != null) {
                Map<String, Object> start = object(message.get("start"));
                epoch = ((Number) start.get("epoch")).intValue();
                last = epoch;
                snapshot = (String) start.get("path");
            }
        }

        /** The trial's number. */
        public int number() {
            return number;
        }

        /** Numbers (Long or Double), Boolean and String by name; the program's own, to be changed as it likes. */
        public Map<String, Object> config() {
            return config;
        }

        /** Like {@link #config} at first; caviar changes it in {@code report} and {@code step}. */
        public Map<String, Object> knobs() {
            return Collections.unmodifiableMap(knobs);
        }

        /** A number of {@link #knobs}, such as the learning rate. */
        public double real(String name) {
            return ((Number) knob(name)).doubleValue();
        }

        /** A whole number of {@link #knobs}, such as the number of hidden units. */
        public int whole(String name) {
            return ((Number) knob(name)).intValue();
        }

        /** A text of {@link #knobs}, such as the optimiser's name. */
        public String text(String name) {
            return (String) knob(name);
        }

        /** A boolean of {@link #knobs}. */
        public boolean flag(String name) {
            return (Boolean) knob(name);
        }

        /** A whole number from 0 to 2**32 - 1, another for every trial. */
        public long seed() {
            return seed;
        }

        /** The most epochs that the trial can get; epochs count from 1. */
        public int lastEpoch() {
            return lastEpoch;
        }

        /** The epoch that is being trained; before the first the one that a snapshot ends with, or 0. */
        public int epoch() {
            return epoch;
        }

        /** Whether caviar has stopped the trial. */
        public boolean stopped() {
            return stopped;
        }

        /** The trial's own folder, for whatever the program wants to keep; it is made when first asked for. */
        public Path folder() {
            try {
                return Files.createDirectories(Paths.get(folder));
            } catch (IOException error) {
                throw new IllegalStateException("the trial's folder cannot be made: " + error.getMessage(), error);
            }
        }

        /** Has {@code keeper} write all that training depends on to a file. If it throws, the trial goes on. */
        public void onSave(Keeper keeper) {
            save = keeper;
        }

        /** Has {@code keeper} take back what {@link #onSave}'s wrote. Both are needed, and {@link #epochs}. */
        public void onRestore(Keeper keeper) {
            restore = keeper;
        }

        /** Has {@code function} called with the knobs that changed; {@link #knobs} has them already. */
        public void onKnobs(Consumer<Map<String, Object>> function) {
            onKnobs = function;
        }

        /**
         * The numbers of the epochs to train: from 1, or the one after the snapshot, to {@link #lastEpoch}. Ends when
         * the trial is stopped; after a rollback it goes on with the epoch after the restored one.
         */
        public Iterable<Integer> epochs() {
            canGoBack = true;
            return () -> new Iterator<Integer>() {
                @Override
                public boolean hasNext() {
                    return epoch < lastEpoch && !stopped && !over;
                }

                @Override
                public Integer next() {
                    if (!hasNext()) {
                        throw new NoSuchElementException();
                    }
                    goBack();
                    epoch++;
                    return epoch;
                }
            };
        }

        /**
         * Tells the score after {@code epoch} and further numbers by name, {@code report(3, 0.91, "train_loss", 0.3)};
         * waits for caviar's answer and does what it asks. NaN and infinity are scores.
         *
         * @return true; if caviar has stopped the trial false in {@link #trials}, and TrialStopped in {@link #run}
         * @throws IllegalArgumentException for an epoch that is none: they are whole numbers from 1 on, and rise
         */
        public boolean report(int epoch, double score, Object... values) {
            if (snapshot != null) { // a rollback within this epoch: what is reported is of no epoch
                goBack();
                return true;
            }
            if (!stopped && !over) {
                check(epoch, score);
                last = epoch;
            }
            this.epoch = epoch;
            Map<String, Object> message = message("epoch");
            message.put("epoch", epoch);
            message.put("score", score);
            message.put("values", numbers(values));
            boolean going = asks(message);
            if (going) {
                snapshot = null; // the epoch is over: nothing was trained since
            }
            return going;
        }

        /**
         * Tells from within an epoch how it goes; {@code step} counts mini-batches. May be called after every
         * mini-batch: caviar gets some ten a second.
         *
         * @return true; false when this epoch is to be left, because of a rollback, or of a stop (see {@link #report})
         */
        public boolean step(int step, Object... values) {
            if (reported != null && System.nanoTime() - reported < STEP_NANOSECONDS && !stopped) {
                return snapshot == null;
            }
            Map<String, Object> message = message("step");
            message.put("step", step);
            message.put("values", numbers(values));
            boolean going = asks(message);
            reported = System.nanoTime();
            return going && snapshot == null;
        }

        /** Ends the trial with the last score reported. Said by itself at the end of the loop's body. */
        public void done() {
            end(message("done"));
        }

        /** Ends the trial with {@code score}. */
        public void done(double score) {
            Map<String, Object> message = message("done");
            message.put("score", score);
            end(message);
        }

        /** Ends the trial without a result; {@code kind} is error, out_of_memory or diverged. */
        public void failed(String kind, String why) {
            Map<String, Object> message = message("failed");
            message.put("kind", kind);
            message.put("why", why.substring(0, Math.min(why.length(), 10_000)));
            end(message);
        }

        /** Ends the trial with what was thrown. */
        public void failed(Throwable error) {
            boolean memory = false;
            for (Throwable cause = error; cause != null; cause = cause.getCause()) {
                String said = String.valueOf(cause.getMessage()).toLowerCase(Locale.ROOT);
                memory |= cause instanceof OutOfMemoryError || said.contains("out of memory");
            }
            StringWriter trace = new StringWriter();
            error.printStackTrace(new PrintWriter(trace, true));
            failed(memory ? "out_of_memory" : "error", trace.toString());
        }

        private void check(int epoch, double score) {
            String rule = null;
            if (epoch < 1) {
                rule = "epochs are whole numbers from 1 on, so a loop from 0 reports epoch + 1";
            } else if (epoch <= last) {
                rule = "epoch " + epoch + " is not after epoch " + last + ", and epochs rise";
            } else if (last == 0 && epoch > lastEpoch) {
                rule = "epoch " + epoch + " is after the last epoch of the trial, lastEpoch() = " + lastEpoch;
            } else if (canGoBack && this.epoch != epoch && this.epoch == score && last < score) {
                rule = "the score counts like an epoch";
            }
            if (rule != null) {
                throw new IllegalArgumentException(
                        "report(" + epoch + ", " + score + "): " + rule + "; the order is report(epoch, score)");
            }
        }

        private Object knob(String name) {
            Object value = knobs.get(name);
            if (value == null) {
                throw new IllegalArgumentException("the config has no " + name + ", but " + knobs.keySet());
            }
            return value;
        }

        private void end(Map<String, Object> message) {
            if (!over) {
                over = true;
                message.put("more", true);
                CAVIAR.say(message);
            }
        }

        private boolean asks(Map<String, Object> message) {
            if (!stopped && !over) {
                message.put("saves", canGoBack && save != null && restore != null);
                CAVIAR.say(message);
                Map<String, Object> answer = CAVIAR.hear();
                String type = (String) answer.get("type");
                if (type.equals("go_on")) {
                    apply(answer);
                } else if (type.equals("stop")) {
                    stopped = true;
                } else if (type.equals("end")) { // in the midst of a trial: caviar has ended
                    System.exit(1);
                } else {
                    leave("caviar answered with " + type + ", which this client does not know", NEWEST);
                }
            }
            if (raises && (stopped || over)) {
                throw new TrialStopped();
            }
            return !stopped && !over;
        }

        private void apply(Map<String, Object> answer) {
            if (answer.get("save") != null) {
                Map<String, Object> message = message("saved");
                try {
                    save.keep((String) answer.get("save"));
                } catch (Exception error) {
                    message = message("cannot");
                    message.put("why", error.toString());
                }
                CAVIAR.say(message);
            }
            if (answer.get("restore") != null) {
                Map<String, Object> to = object(answer.get("restore"));
                snapshot = (String) to.get("path");
                take(snapshot);
                epoch = ((Number) to.get("epoch")).intValue();
                last = epoch;
                CAVIAR.say(message("restored"));
            }
            if (answer.get("knobs") != null) {
                Map<String, Object> changed = object(answer.get("knobs"));
                knobs.putAll(changed);
                if (onKnobs != null && !changed.isEmpty()) {
                    onKnobs.accept(changed);
                }
            }
        }

        private void goBack() {
            String path = snapshot;
            snapshot = null;
            if (path != null) {
                take(path);
            }
        }

        private void take(String path) {
            if (restore == null) {
                throw new IllegalStateException("the trial begins with a snapshot, and the program has no onRestore");
            }
            try {
                restore.keep(path);
            } catch (Exception error) {
                throw new IllegalStateException("the snapshot " + path + " cannot be restored", error);
            }
        }
    }

    private static final class Trials implements Iterator<Trial> {
        private final boolean raises;
        private Trial last;
        private Trial next;

        Trials(boolean raises) {
            if (CAVIAR == null) {
                leave(
                        "caviar starts this program: caviar tune --command \"java Train\" --space space.toml",
                        "to try it alone: CAVIAR_TRY='{\"learning_rate\": 0.1}' java Train   (a container is to get "
                                + "CAVIAR_PROTOCOL from outside)");
            }
            this.raises = raises;
        }

        @Override
        public boolean hasNext() {
            if (next == null) {
                if (last != null) {
                    last.done();
                    last = null;
                }
                Map<String, Object> message = CAVIAR.hear();
                if (message.get("type").equals("end")) {
                    return false;
                }
                if (!message.get("type").equals("trial")) {
                    leave("caviar said " + message.get("type") + " where a trial was awaited", NEWEST);
                }
                next = new Trial(message, raises);
                CAVIAR.trial = next;
            }
            return true;
        }

        @Override
        public Trial next() {
            if (!hasNext()) {
                throw new NoSuchElementException();
            }
            last = next;
            next = null;
            return last;
        }
    }

    /** The other side. */
    private abstract static class Caviar {
        Trial trial;

        abstract void say(Map<String, Object> message);

        abstract Map<String, Object> hear();
    }

    /** Caviar itself, over the standard output and input that the program was started with. */
    private static final class Line extends Caviar {
        private final FileOutputStream output = new FileOutputStream(FileDescriptor.out);
        private final InputStream input = new BufferedInputStream(new FileInputStream(FileDescriptor.in));

        Line() {
            System.setOut(System.err);
            System.setIn(new ByteArrayInputStream(new byte[0]));
            Thread.setDefaultUncaughtExceptionHandler(
                    (thread, error) -> {
                        if (trial != null && thread.getName().equals("main")) {
                            trial.failed(error);
                        }
                        System.err.print("Exception in thread \"" + thread.getName() + "\" ");
                        error.printStackTrace();
                    });
        }

        @Override
        void say(Map<String, Object> message) {
            System.err.flush();
            StringBuilder text = new StringBuilder();
            write(message, text);
            try {
                output.write(text.append('\n').toString().getBytes(StandardCharsets.UTF_8));
            } catch (IOException error) { // caviar has ended
                System.exit(1);
            }
        }

        @Override
        Map<String, Object> hear() {
            ByteArrayOutputStream line = new ByteArrayOutputStream();
            try {
                for (int next = input.read(); next != '\n'; next = input.read()) {
                    if (next < 0) { // at once, or in the midst of a line
                        return message("end");
                    }
                    line.write(next);
                }
            } catch (IOException error) {
                return message("end");
            }
            String text = new String(line.toByteArray(), StandardCharsets.UTF_8);
            try {
                Map<String, Object> message = object(new Reader(text).read());
                if (message.get("type") instanceof String) {
                    return message;
                }
            } catch (IllegalArgumentException error) {
                // said below
            }
            leave("caviar said something that is no message: " + text.substring(0, Math.min(text.length(), 200)), NEWEST);
            return null;
        }
    }

    /** In caviar's place when a program is tried without it: one trial, never stopped. */
    private static final class Alone extends Caviar {
        private final List<Map<String, Object>> answers = new ArrayList<>();

        Alone(Map<String, Object> config, int epochs) {
            Map<String, Object> first = message("trial");
            first.put("trial", 0);
            first.put("config", config);
            first.put("seed", 0);
            first.put("epochs", epochs);
            first.put("folder", Paths.get("caviar_try").toAbsolutePath().toString());
            answers.add(first);
        }

        @Override
        void say(Map<String, Object> message) {
            StringBuilder text = new StringBuilder();
            write(message, text);
            System.out.println(text);
            if (message.get("type").equals("epoch") || message.get("type").equals("step")) {
                answers.add(message("go_on"));
            }
        }

        @Override
        Map<String, Object> hear() {
            return answers.isEmpty() ? message("end") : answers.remove(0);
        }
    }

    private static final String NEWEST = "write the newest client: caviar client java";

    private static Caviar connect() {
        String version = System.getenv("CAVIAR_PROTOCOL");
        String config = System.getenv("CAVIAR_TRY");
        if (version != null && !version.equals(VERSION)) {
            leave(
                    "this CaviarClient.java speaks version " + VERSION + " of caviar's protocol, and caviar version " + version,
                    "write the one that belongs to it: caviar client java");
        }
        if (version != null) {
            return new Line();
        }
        if (config == null) {
            return null;
        }
        try {
            String epochs = System.getenv("CAVIAR_TRY_EPOCHS");
            return new Alone(object(new Reader(config).read()), epochs == null ? 3 : Integer.parseInt(epochs));
        } catch (IllegalArgumentException error) {
            leave(
                    "CAVIAR_TRY is a config as a JSON object, and CAVIAR_TRY_EPOCHS a number",
                    "such as CAVIAR_TRY='{\"learning_rate\": 0.1}' CAVIAR_TRY_EPOCHS=3");
            return null;
        }
    }

    /** Ends the program with two lines. */
    private static void leave(String rule, String wayOut) {
        System.err.println(rule);
        System.err.println(wayOut);
        System.exit(2);
    }

    private static Map<String, Object> message(String type) {
        Map<String, Object> message = new LinkedHashMap<>();
        message.put("type", type);
        return message;
    }

    private static Map<String, Object> numbers(Object[] values) {
        Map<String, Object> numbers = new LinkedHashMap<>();
        for (int i = 0; i < values.length; i += 2) {
            if (i + 1 == values.length || !(values[i] instanceof String) || !(values[i + 1] instanceof Number)) {
                throw new IllegalArgumentException("values are names and numbers in turn: \"train_loss\", 0.3");
            }
            numbers.put((String) values[i], ((Number) values[i + 1]).doubleValue());
        }
        return numbers;
    }

    @SuppressWarnings("unchecked")
    private static Map<String, Object> object(Object value) {
        if (!(value instanceof Map)) {
            throw new IllegalArgumentException("not an object");
        }
        return (Map<String, Object>) value;
    }

    private static void write(Object value, StringBuilder to) {
        if (value instanceof Map) {
            String before = "{";
            for (Map.Entry<String, Object> entry : object(value).entrySet()) {
                to.append(before);
                write(entry.getKey(), to);
                to.append(": ");
                write(entry.getValue(), to);
                before = ", ";
            }
            to.append(before.equals("{") ? "{}" : "}");
        } else if (value instanceof String) {
            to.append('"');
            for (char letter : ((String) value).toCharArray()) {
                boolean plain = letter >= ' ' && letter <= '~' && letter != '"' && letter != '\\';
                to.append(plain ? String.valueOf(letter) : String.format("\\u%04x", (int) letter));
            }
            to.append('"');
        } else {
            to.append(value); // a number, NaN and Infinity as the words that Java has for them, or a boolean
        }
    }

    /** Reads one JSON text (RFC 8259); IllegalArgumentException if it is none. */
    private static final class Reader {
        private final String text;
        private int at;

        Reader(String text) {
            this.text = text;
        }

        Object read() {
            Object value = value();
            skip();
            if (at < text.length()) {
                throw wrong();
            }
            return value;
        }

        private Object value() {
            skip();
            if (take("{")) {
                Map<String, Object> object = new LinkedHashMap<>();
                skip();
                if (!take("}")) {
                    do {
                        skip();
                        need("\"");
                        String name = string();
                        skip();
                        need(":");
                        object.put(name, value());
                        skip();
                    } while (take(","));
                    need("}");
                }
                return object;
            }
            if (take("[")) {
                List<Object> array = new ArrayList<>();
                skip();
                if (!take("]")) {
                    do {
                        array.add(value());
                        skip();
                    } while (take(","));
                    need("]");
                }
                return array;
            }
            if (take("\"")) {
                return string();
            }
            if (take("true")) {
                return true;
            }
            if (take("false")) {
                return false;
            }
            if (take("null")) {
                return null;
            }
            return number();
        }

        private String string() {
            StringBuilder found = new StringBuilder();
            while (at < text.length()) {
                char letter = text.charAt(at++);
                if (letter == '"') {
                    return found.toString();
                }
                if (letter != '\\') {
                    found.append(letter);
                    continue;
                }
                if (at == text.length()) {
                    break;
                }
                char escaped = text.charAt(at++);
                if (escaped == 'u' && at + 4 <= text.length()) {
                    found.append((char) Integer.parseInt(text.substring(at, at + 4), 16));
                    at += 4;
                } else if ("\"\\/bfnrt".indexOf(escaped) >= 0) {
                    found.append("\"\\/\b\f\n\r\t".charAt("\"\\/bfnrt".indexOf(escaped)));
                } else {
                    break;
                }
            }
            throw wrong();
        }

        private Number number() {
            int from = at;
            while (at < text.length() && "+-.0123456789eE".indexOf(text.charAt(at)) >= 0) {
                at++;
            }
            String digits = text.substring(from, at);
            try {
                return Long.valueOf(digits);
            } catch (NumberFormatException real) {
                return Double.valueOf(digits); // throws, where it is no number either
            }
        }

        private boolean take(String word) {
            boolean there = text.startsWith(word, at);
            at += there ? word.length() : 0;
            return there;
        }

        private void need(String word) {
            if (!take(word)) {
                throw wrong();
            }
        }

        private void skip() {
            while (at < text.length() && " \t\r\n".indexOf(text.charAt(at)) >= 0) {
                at++;
            }
        }

        private IllegalArgumentException wrong() {
            return new IllegalArgumentException("not JSON at character " + at);
        }
    }
}
