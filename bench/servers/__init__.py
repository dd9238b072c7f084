"""The servers that are measured side by side, each one process on one core."""

from bench.servers.leporello import Leporello as Leporello
from bench.servers.operation import MOVES as MOVES
from bench.servers.operation import TITLES as TITLES
from bench.servers.operation import WRITES as WRITES
from bench.servers.operation import Operation as Operation
from bench.servers.peers import PEERS as PEERS
from bench.servers.server import Place as Place
from bench.servers.server import Server as Server
