import java.io.IOException;
import java.util.Iterator;
import java.util.Map;

/** A program whose every trial does what its config asks for; tests/clients/test_java_client.py plays caviar. */
public final class Behaviour {
    /** As a library of its own would have. */
    private static final class Strange extends RuntimeException {
        private static final long serialVersionUID = 1L;

        Strange(String message) {
            super(message);
        }
    }

    private static Double train(CaviarClient.Trial trial) throws Exception {
        String then = (String) trial.config().get("then");
        if (then.equals("memory")) {
            throw new OutOfMemoryError("Java heap space");
        }
        if (then.equals("gpu")) {
            throw new IllegalStateException("native", new Strange("CUDA: Out of memory"));
        }
        if (then.equals("error")) {
            throw new Strange("caf\u00e9 \"quoted\"");
        }
        try {
            trial.report(1, 0.5);
        } catch (Exception error) {
            throw new AssertionError("a stop is no Exception", error);
        }
        return then.equals("score") ? Double.valueOf(0.75) : null;
    }

    public static void main(String[] arguments) throws IOException {
        if (arguments[0].equals("run")) {
            CaviarClient.run(Behaviour::train);
            return;
        }
        for (CaviarClient.Trial trial : CaviarClient.trials()) {
            switch ((String) trial.config().get("then")) {
                case "see":
                    Map<String, Object> c = trial.config();
                    boolean right = trial.number() == 12 && trial.seed() == 4000000012L && trial.lastEpoch() == 27;
                    right &= trial.real("rate") == 0.125 && trial.real("layers") == 2 && trial.whole("layers") == 2;
                    right &= trial.flag("nesterov") && trial.text("text").equals("caf\u00e9 \u9c7c \ud83d\udc1f\n\"\\");
                    right &= c.get("tiny").equals(1e-300) && c.get("none") == null && c.get("list").toString().equals("[1, [], {}]");
                    right &= trial.folder().toFile().isDirectory() && trial.epoch() == 0 && !trial.stopped();
                    trial.report(1, right ? 1 : 0);
                    break;
                case "calls":
                    for (Object call : (Iterable<?>) trial.config().remove("calls")) {
                        Iterator<?> given = ((Iterable<?>) call).iterator();
                        trial.report(((Number) given.next()).intValue(), ((Number) given.next()).doubleValue());
                    }
                    break;
                case "knows":
                    trial.epochs().iterator().next();
                    trial.report(7, 1);
                    break;
                case "numbers":
                    double[] scores = {Double.NaN, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY, 1e-300, 12345678.5};
                    for (int i = 0; i < scores.length; i++) {
                        trial.report(i + 1, scores[i], "loss", scores[i], "count", 3);
                    }
                    break;
                case "print":
                    System.out.println("{\"printed\": 1}");
                    System.out.println(System.in.read() < 0 ? "nothing to read" : "read a message");
                    trial.report(1, 0);
                    break;
                case "knobs":
                    trial.onKnobs(changed -> System.err.println(changed));
                    for (int epoch : trial.epochs()) {
                        trial.report(epoch, trial.real("rate"));
                    }
                    break;
                case "steps": // w counts the mini-batches that were not undone
                    int[] w = {0};
                    trial.onSave(path -> java.nio.file.Files.write(java.nio.file.Paths.get(path), new byte[] {(byte) w[0]}));
                    trial.onRestore(path -> w[0] = java.nio.file.Files.readAllBytes(java.nio.file.Paths.get(path))[0]);
                    for (int epoch : trial.epochs()) {
                        for (int step = 0; step < 3; step++) {
                            w[0]++;
                            try {
                                Thread.sleep(110);
                            } catch (InterruptedException error) {
                                throw new IllegalStateException(error);
                            }
                            boolean going = trial.step(step, "w", w[0]);
                            if (!going && trial.flag("leaves")) {
                                break;
                            }
                        }
                        trial.report(epoch, w[0]);
                    }
                    break;
                case "half a second":
                    int steps = 0;
                    for (long begun = System.nanoTime(); steps < 1000 || System.nanoTime() - begun < 500_000_000L; ) {
                        trial.step(++steps);
                    }
                    trial.report(1, steps);
                    break;
                case "throw":
                    throw new Strange("not caught");
                default:
                    for (int epoch = 1; epoch <= trial.lastEpoch(); epoch++) {
                        System.err.println(trial.report(epoch, 0.5));
                    }
                    trial.done(0.25);
                    trial.done();
            }
        }
    }
}
