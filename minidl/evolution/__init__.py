r"""Evolution of networks: NEAT, CPPN and HyperNEAT.

| file | what it is about |
|---|---|
| `genome.py`, `pool.py` | a network as nodes and links with historical markings; a population of them |
| `innovation.py`, `mutation.py`, `crossover.py`, `breeding.py` | where children come from |
| `compatibility.py`, `species.py` | who is like whom, and how many children everybody has |
| `population.py`, `evolve.py` | one generation; the loop of a run |
| `config.py`, `presets.py`, `settings.py` | all settings, named sets of them, and how they are checked |
| `nets.py`, `csr.py`, `bridge.py` | what a genome computes, its arrays; the same as a layer with gradients |
| `evaluate.py`, `scores.py` | fitness, here or on other machines |
| `checkpoint.py`, `latest.py`, `restore.py`, `report.py` | a run on disk, and back; as tables |
| `cppn.py`, `breeder.py` | networks as pictures; pictures bred by hand |
| `positions.py`, `substrate.py`, `hyperneat.py`, `substrate_network.py`, `leo.py` | weights as a function of places |
| `es_hyperneat.py`, `quadtree.py` | nodes where that function has detail |
| `discrimination.py`, `novelty.py` | the task of HyperNEAT; an archive of what is new |
| `environment.py`, `rollout.py` | tasks in which networks act step by step; their episodes |
| `double_pole.py`, `maze.py` | two such tasks |
| `stream.py` | random numbers by counting |
"""

from minidl.evolution.breeder import Breeder
from minidl.evolution.breeding import Plan, breed
from minidl.evolution.bridge import GenomeModule
from minidl.evolution.compatibility import distance
from minidl.evolution.config import NEATConfig
from minidl.evolution.cppn import CPPN
from minidl.evolution.crossover import crossover
from minidl.evolution.discrimination import discrimination
from minidl.evolution.double_pole import double_pole, generalisation, survives
from minidl.evolution.environment import Environment
from minidl.evolution.es_hyperneat import Evolved, es_hyperneat
from minidl.evolution.evaluate import evaluate
from minidl.evolution.evolve import evolve
from minidl.evolution.genes import Link, Node
from minidl.evolution.genome import Genome
from minidl.evolution.hyperneat import express, hyperneat
from minidl.evolution.innovation import Innovations
from minidl.evolution.latest import latest
from minidl.evolution.leo import leo_genomes
from minidl.evolution.maze import FLOOR_PLANS, FloorPlan, maze
from minidl.evolution.mutation import mutate
from minidl.evolution.nets import Nets, Network
from minidl.evolution.novelty import Archive
from minidl.evolution.pool import Pool
from minidl.evolution.population import NEAT
from minidl.evolution.positions import grid, ring
from minidl.evolution.presets import PRESETS
from minidl.evolution.report import history_to_csv, species_to_csv
from minidl.evolution.rollout import make_rollout, play, rollout
from minidl.evolution.scores import Scores
from minidl.evolution.species import Species, apportion, offspring, shares
from minidl.evolution.stream import Stream
from minidl.evolution.substrate import Substrate
from minidl.evolution.substrate_network import SubstrateNetwork

__all__ = [
    "CPPN",
    "FLOOR_PLANS",
    "NEAT",
    "PRESETS",
    "Archive",
    "Breeder",
    "Environment",
    "Evolved",
    "FloorPlan",
    "Genome",
    "GenomeModule",
    "Innovations",
    "Link",
    "NEATConfig",
    "Nets",
    "Network",
    "Node",
    "Plan",
    "Pool",
    "Scores",
    "Species",
    "Stream",
    "Substrate",
    "SubstrateNetwork",
    "apportion",
    "breed",
    "crossover",
    "discrimination",
    "distance",
    "double_pole",
    "es_hyperneat",
    "evaluate",
    "evolve",
    "express",
    "generalisation",
    "grid",
    "history_to_csv",
    "hyperneat",
    "latest",
    "leo_genomes",
    "make_rollout",
    "maze",
    "mutate",
    "offspring",
    "play",
    "ring",
    "rollout",
    "shares",
    "species_to_csv",
    "survives",
]
