import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.layers.ActivationLayer;
import org.deeplearning4j.nn.conf.layers.BatchNormalization;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.weights.WeightInit;
import org.nd4j.evaluation.classification.Evaluation;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Nesterovs;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;

/**
 * Digits with DL4J, tuned and nursed by Caviar.
 *
 * <p>Not verified: it was written by DL4J's documentation on a machine that cannot reach Maven Central, and has been compiled
 * against nothing. DL4J has Nesterov's momentum where the other examples have the plain one.
 */
public final class Train {
    public static void main(String[] arguments) throws IOException {
        DataSet training = digits("train"), validation = digits("validation");
        CaviarClient.run(trial -> {
            MultiLayerNetwork[] network = {build(trial)}; // an array, so that restoring can put another one in its place
            trial.onSave(path -> network[0].save(new File(path), true)); // true: with the optimiser's state
            trial.onRestore(path -> network[0] = MultiLayerNetwork.load(new File(path), true));
            for (int epoch : trial.epochs()) {
                network[0].setLearningRate(trial.real("learning_rate"));
                for (DataSet batch : batches(training, trial, epoch)) {
                    network[0].fit(batch);
                }
                Evaluation evaluation = new Evaluation(10);
                evaluation.eval(validation.getLabels(), network[0].output(validation.getFeatures()));
                trial.report(epoch, evaluation.accuracy());
            }
            return null;
        });
    }

    private static MultiLayerNetwork build(CaviarClient.Trial trial) {
        int units = trial.whole("hidden_units");
        MultiLayerConfiguration layers = new NeuralNetConfiguration.Builder()
                .seed(trial.seed())
                .updater(new Nesterovs(trial.real("learning_rate"), trial.real("momentum")))
                .weightInit(WeightInit.RELU)
                .list()
                .layer(new DenseLayer.Builder().nIn(64).nOut(units).activation(Activation.IDENTITY).build())
                .layer(new BatchNormalization.Builder().nOut(units).build())
                .layer(new ActivationLayer(Activation.RELU))
                .layer(new OutputLayer.Builder(LossFunction.MCXENT)
                        .nIn(units)
                        .nOut(10)
                        .activation(Activation.SOFTMAX)
                        .build())
                .build();
        MultiLayerNetwork network = new MultiLayerNetwork(layers);
        network.init();
        return network;
    }

    /** The mini-batches of an epoch, in an order that depends on the seed and the epoch alone. */
    private static List<DataSet> batches(DataSet training, CaviarClient.Trial trial, int epoch) {
        List<DataSet> rows = new ArrayList<>(training.asList());
        Collections.shuffle(rows, new Random(trial.seed() * 1000003 + epoch));
        int size = trial.whole("batch_size");
        List<DataSet> batches = new ArrayList<>();
        for (int i = 0; i + size <= rows.size(); i += size) {
            batches.add(DataSet.merge(rows.subList(i, i + size)));
        }
        return batches;
    }

    /** The rows of train.csv or validation.csv: 64 pixels and the label. */
    private static DataSet digits(String part) throws IOException {
        List<String> lines = Files.readAllLines(Paths.get(System.getenv("DIGITS"), part + ".csv"));
        INDArray pixels = Nd4j.zeros(lines.size(), 64), labels = Nd4j.zeros(lines.size(), 10);
        for (int row = 0; row < lines.size(); row++) {
            String[] cells = lines.get(row).split(",");
            for (int column = 0; column < 64; column++) {
                pixels.putScalar(row, column, Double.parseDouble(cells[column]) / 16);
            }
            labels.putScalar(row, Integer.parseInt(cells[64]), 1);
        }
        return new DataSet(pixels, labels);
    }
}
