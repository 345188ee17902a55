"""The table of plugins/README.md, from what the tests measured.

PLEXIFORM_GOLDEN_REPORT=$PWD/report.tsv ctest --test-dir build
python plugins/agreement.py report.tsv
"""
import re
import sys

MODULES = "openretina.modules."
CORES, LAYERS, READOUTS, LOSSES = (MODULES + part for part in ("core.", "layers.", "readout.", "losses."))
MULTI = READOUTS + "multi_readout."
SDK = "tests/sdk"
# openretina's name; ours; the folder of the golden numbers; which of them (a regular expression)
ROWS = [
    (CORES + "base_core.SimpleCoreWrapper", "`plexiform.cores.Simple`", "cores/simple", ""),
    (CORES + "gru_core.ConvGRUCore", "`plexiform.cores.ConvGRU`", "cores/conv_gru", "(?!conditioned)"),
    (CORES + "gru_core.ConditionedGRUCore", "`plexiform.cores.ConditionedGRU`", "cores/conv_gru", "conditioned|seed 0 film"),
    (LAYERS + "convolutions.TorchFullConv3D", "`convolution_type: full`", SDK, r"full"),
    (LAYERS + "convolutions.TorchSTSeparableConv3D", "`convolution_type: separable`", SDK, r"separable (same|\()"),
    (LAYERS + "convolutions.TimeIndependentConv3D", "`convolution_type: time_independent`", SDK, "time_independent"),
    (LAYERS + "convolutions.STSeparableBatchConv3d", "`convolution_type: custom_separable`", SDK, "custom_separable"),
    (LAYERS + "convolutions.compute_temporal_kernel", "`layers/custom_separable.h`", SDK, "sines|cosines|custom_separable kernel"),
    (LAYERS + "reducers.WeightedChannelSumLayer", "`layers/channels.h`", SDK, "weighted channel sum"),
    (LAYERS + "scaling.Scale2DLayer, Scale3DLayer", "`layers/channels.h`", SDK, "scale of frames"),
    (LAYERS + "scaling.FiLM", "`layers/film.h`", SDK, "film"),
    (LAYERS + "gru.ConvGRUCell, GRU_Module", "`layers/gru.h`", SDK, "gru"),
    (LAYERS + "regularizers.Laplace, Laplace1d", "`layers/regularisers.h`", SDK, "laplacian"),
    (LAYERS + "regularizers.TimeLaplaceL23dnorm", "`layers/regularisers.h`", SDK, "temporal roughness"),
    (LAYERS + "regularizers.FlatLaplaceL23dnorm", "`layers/regularisers.h`", SDK, "spatial roughness,"),
    (LAYERS + "regularizers.LaplaceL2norm", "`layers/regularisers.h`", SDK, "spatial roughness of frames"),
    (LAYERS + "regularizers.GaussianLaplaceL2, gaussian2d", "`layers/regularisers.h`", SDK, "surround|gaussian bump"),
    (MODULES + "nonlinearities.ParametrizedELU", "`layers/parametrized.h`", SDK, "parametrized ELU"),
    (MODULES + "nonlinearities.ParametrizedSoftplus", "`layers/parametrized.h`", SDK, "parametrized softplus"),
    (READOUTS + "factorized_gaussian.GaussianMaskReadout, " + MULTI + "MultiGaussianMaskReadout",
     "`plexiform.readouts.GaussianMask`", "readouts/gaussian_mask", ""),
    (READOUTS + "gaussian.PointGaussianReadout, .FullGaussian2d, " + MULTI + "MultiSampledGaussianReadout",
     "`plexiform.readouts.PointGaussian`", "readouts/point_gaussian", ""),
    (READOUTS + "factorized.FactorizedReadout, .KlindtReadoutWrapper3D, " + MULTI + "MultiFactorizedReadout",
     "`plexiform.readouts.Factorized`", "readouts/factorized", ""),
    (READOUTS + "linear_nonlinear_poison.LNPReadout, " + MULTI + "MultipleLNPReadout",
     "`plexiform.readouts.LNP`", "readouts/lnp", ""),
    ("openretina.models.linear_nonlinear.SingleCellSeparatedLNP", "`plexiform.readouts.SeparableLNP`",
     "readouts/separable_lnp", ""),
    (READOUTS + "spatial_contrast_model_readout.SpatialContrastReadout, .MultiSpatialContrastReadout",
     "`plexiform.readouts.SpatialContrast`", "readouts/spatial_contrast", ""),
    ("openretina.models.sparse_autoencoder.Autoencoder, SparsityMSELoss", "`plexiform.readouts.SparseAutoencoder`",
     "readouts/sparse_autoencoder", ""),
    (LOSSES + "poisson.PoissonLoss3d, L1PoissonLoss3d, CelltypePoissonLoss3d; " + MODULES + "measures: the same",
     "`plexiform.losses.Poisson`", "losses/poisson", ""),
    (LOSSES + "correlation.CorrelationLoss3d, CelltypeCorrelationLoss3d, L1CorrelationLoss3d, ScaledCorrelationLoss3d; "
     + MODULES + "measures: the same", "`plexiform.losses.Correlation`", "losses/correlation", ""),
    (LOSSES + "mse.MSE3d; " + MODULES + "measures: the same", "`plexiform.losses.MSE`", "losses/mse", ""),
    ("neuralpredictors 0.3.0 SE2dCore", "`plexiform.cores.SpaceThenTime`", "cores/space_then_time", ""),
    ("torchvision's VGG and ResNet", "`plexiform.cores.TaskDriven`", "cores/task_driven", ""),
    ("PyTorch's scaled_dot_product_attention", "`plexiform.readouts.Attention`", "readouts/attention", ""),
    ("SciPy's B-splines", "`plexiform.readouts.SplineMask`", "readouts/spline_mask", ""),
    ("torch.distributions.NegativeBinomial", "`plexiform.losses.NegativeBinomial`", "losses/negative_binomial", ""),
    ("torch.distributions, Bernoulli and Gamma", "`plexiform.losses.ZeroInflatedGamma`", "losses/zero_inflated_gamma", ""),
]


def main():
    seen = []
    for line in open(sys.argv[1]):
        file, key, off, _ = line.rstrip("\n").split("\t")
        seen.append((file.rsplit("/golden.json", 1)[0], key, float(off)))
    print("| it | here | numbers compared | largest difference of outputs | of gradients |")
    print("|---|---|---|---|---|")
    for theirs, ours, folder, pattern in ROWS:
        own = {(key, off) for file, key, off in seen if file.endswith(folder)}
        own = [(key, off) for key, off in own if re.match("(gradient )?(" + pattern + ")", key)]
        of = [[off for key, off in own if ("gradient" in key) == gradient] for gradient in (False, True)]
        largest = ["" if not offs else f"{max(offs):.1e}" if max(offs) > 0 else "0" for offs in of]
        print(f"| {theirs} | {ours} | {len(own)} | {largest[0]} | {largest[1]} |")


main()
