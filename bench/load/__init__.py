"""The load: wrk, asking a server as fast as it answers."""

from bench.load.request import Request as Request
from bench.load.wrk import CONNECTIONS as CONNECTIONS
from bench.load.wrk import Load as Load
from bench.load.wrk import fire as fire
from bench.load.wrk import provide as provide
