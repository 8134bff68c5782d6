import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/**
 * A network of one hidden layer in plain Java, tuned or babysat by caviar.
 *
 * <pre>
 * caviar client java
 * javac SoftmaxNetwork.java CaviarClient.java
 * caviar tune --command "java SoftmaxNetwork digits.csv" --space space.toml
 * </pre>
 *
 * <p>The table has one row an example, the label 0, 1, ... last. Every fifth row is for validation. Hyperparameters:
 * learning_rate, momentum, hidden_units, batch_size.
 */
public final class SoftmaxNetwork {
    // Shapes: x (n_in), w1 (n_in, n_hidden), b1 (n_hidden), w2 (n_hidden, n_out), b2 (n_out), all in one array.
    private final int nIn;
    private final int nHidden;
    private final int nOut;
    private final double[] weights;
    private final double[] velocity;

    SoftmaxNetwork(int nIn, int nHidden, int nOut, long seed) {
        this.nIn = nIn;
        this.nHidden = nHidden;
        this.nOut = nOut;
        weights = new double[nIn * nHidden + nHidden + nHidden * nOut + nOut];
        velocity = new double[weights.length];
        Random random = new Random(seed);
        for (int i = 0; i < nIn * nHidden; i++) {
            weights[i] = random.nextGaussian() * Math.sqrt(2.0 / nIn);
        }
    }

    /** One pass over {@code x} in an order drawn from {@code seed}; returns the mean loss. */
    double train(double[][] x, int[] y, int batchSize, double learningRate, double momentum, long seed) {
        int[] order = new int[x.length];
        Random random = new Random(seed);
        for (int i = 0; i < order.length; i++) {
            int j = random.nextInt(i + 1);
            order[i] = order[j];
            order[j] = i;
        }
        double loss = 0;
        double[] gradient = new double[weights.length];
        for (int from = 0; from < order.length; from += batchSize) {
            int to = Math.min(from + batchSize, order.length);
            Arrays.fill(gradient, 0);
            for (int i = from; i < to; i++) {
                loss += addGradient(x[order[i]], y[order[i]], gradient);
            }
            for (int k = 0; k < weights.length; k++) {
                velocity[k] = momentum * velocity[k] - learningRate * gradient[k] / (to - from);
                weights[k] += velocity[k];
            }
        }
        return loss / order.length;
    }

    /** The share of rows whose most probable class is the right one. */
    double accuracy(double[][] x, int[] y) {
        double right = 0;
        for (int i = 0; i < x.length; i++) {
            double[] p = probabilities(x[i], hidden(x[i]));
            int best = 0;
            for (int k = 1; k < nOut; k++) {
                best = p[k] > p[best] ? k : best;
            }
            right += best == y[i] ? 1 : 0;
        }
        return right / x.length;
    }

    private double[] hidden(double[] x) {
        double[] h = new double[nHidden]; // relu(x w1 + b1)
        for (int j = 0; j < nHidden; j++) {
            double z = weights[nIn * nHidden + j];
            for (int i = 0; i < nIn; i++) {
                z += x[i] * weights[i * nHidden + j];
            }
            h[j] = Math.max(z, 0);
        }
        return h;
    }

    private double[] probabilities(double[] x, double[] h) {
        int w2 = nIn * nHidden + nHidden;
        double[] p = new double[nOut]; // softmax(h w2 + b2)
        double highest = Double.NEGATIVE_INFINITY;
        for (int k = 0; k < nOut; k++) {
            p[k] = weights[w2 + nHidden * nOut + k];
            for (int j = 0; j < nHidden; j++) {
                p[k] += h[j] * weights[w2 + j * nOut + k];
            }
            highest = Math.max(highest, p[k]);
        }
        double sum = 0;
        for (int k = 0; k < nOut; k++) {
            p[k] = Math.exp(p[k] - highest);
            sum += p[k];
        }
        for (int k = 0; k < nOut; k++) {
            p[k] /= sum;
        }
        return p;
    }

    private double addGradient(double[] x, int y, double[] gradient) {
        double[] h = hidden(x);
        double[] p = probabilities(x, h);
        int b1 = nIn * nHidden;
        int w2 = b1 + nHidden;
        int b2 = w2 + nHidden * nOut;
        for (int k = 0; k < nOut; k++) {
            gradient[b2 + k] += p[k] - (k == y ? 1 : 0); // of cross-entropy after softmax
        }
        for (int j = 0; j < nHidden; j++) {
            double dh = 0;
            for (int k = 0; k < nOut; k++) {
                double dz = p[k] - (k == y ? 1 : 0);
                gradient[w2 + j * nOut + k] += h[j] * dz;
                dh += weights[w2 + j * nOut + k] * dz;
            }
            if (h[j] > 0) {
                gradient[b1 + j] += dh;
                for (int i = 0; i < nIn; i++) {
                    gradient[i * nHidden + j] += x[i] * dh;
                }
            }
        }
        return -Math.log(p[y]);
    }

    void save(String path) throws IOException {
        try (DataOutputStream file = new DataOutputStream(Files.newOutputStream(Paths.get(path)))) {
            for (int i = 0; i < weights.length; i++) {
                file.writeDouble(weights[i]);
                file.writeDouble(velocity[i]);
            }
        }
    }

    void load(String path) throws IOException {
        try (DataInputStream file = new DataInputStream(Files.newInputStream(Paths.get(path)))) {
            for (int i = 0; i < weights.length; i++) {
                weights[i] = file.readDouble();
                velocity[i] = file.readDouble();
            }
        }
    }

    public static void main(String[] arguments) throws IOException {
        List<String> lines = Files.readAllLines(Paths.get(arguments[0]));
        double[][][] x = {new double[lines.size() - (lines.size() + 4) / 5][], new double[(lines.size() + 4) / 5][]};
        int[][] y = {new int[x[0].length], new int[x[1].length]};
        int[] next = {0, 0};
        int classes = 0;
        for (int i = 0; i < lines.size(); i++) {
            String[] cells = lines.get(i).split(",");
            int part = i % 5 == 0 ? 1 : 0; // 0 training, 1 validation
            int row = next[part]++;
            x[part][row] = new double[cells.length - 1];
            for (int j = 0; j < cells.length - 1; j++) {
                x[part][row][j] = Double.parseDouble(cells[j]);
            }
            y[part][row] = (int) Double.parseDouble(cells[cells.length - 1]);
            classes = Math.max(classes, y[part][row] + 1);
        }
        for (CaviarClient.Trial trial : CaviarClient.trials()) {
            SoftmaxNetwork network =
                    new SoftmaxNetwork(x[0][0].length, trial.whole("hidden_units"), classes, trial.seed());
            trial.onSave(network::save);
            trial.onRestore(network::load);
            for (int epoch : trial.epochs()) {
                double loss =
                        network.train(
                                x[0],
                                y[0],
                                trial.whole("batch_size"),
                                trial.real("learning_rate"),
                                trial.real("momentum"),
                                trial.seed() + epoch); // by the epoch, so that a rollback repeats the same numbers
                trial.report(epoch, network.accuracy(x[1], y[1]), "train_loss", loss);
            }
        }
    }
}
