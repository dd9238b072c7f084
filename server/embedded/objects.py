"""SeaweedFS, for the pictures, with one identity and nothing open to those who have no secret."""

import asyncio
import json
from pathlib import Path

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from server.embedded import ports, wheels
from server.embedded.folder import Folder
from server.embedded.ports import LOOPBACK
from server.embedded.program import Program

PORTS = (
    "master.port",
    "master.port.grpc",
    "volume.port",
    "volume.port.grpc",
    "filer.port",
    "filer.port.grpc",
    "s3.port",
    "s3.port.grpc",
    "admin.port",
    "admin.port.grpc",
)
ADMIN_GRPC_DISTANCE = 10_000
S3 = PORTS.index("s3.port")
REGION = "us-east-1"
PROBE = "embedded-probe"
"""A bucket of the stack's own."""
VOLUME_MEGABYTES = 128
MOST_VOLUMES = 4_096
"""Each bucket takes at least one, and a run of tests makes many buckets."""

OPTIONS = {
    "ip": LOOPBACK,
    "ip.bind": LOOPBACK,
    "disableHttp": "true",  # Or its filer serves and deletes every object without a secret.
    "master.telemetry": "false",
    "master.resumeState": "false",  # With it, two restarts in eight knew no volume for five seconds.
    "master.volumeSizeLimitMB": str(VOLUME_MEGABYTES),
    "volume.max": str(MOST_VOLUMES),
    "volume.preStopSeconds": "0",
    "s3.autoCreateBucket": "false",
    "s3.port.lance": "0",
    "s3.port.iceberg": "0",
    "webdav": "false",
    "admin.ui": "false",
    "idleTimeout": "3",
}


class Objects(Program):
    name = "objects"

    def __init__(self, folder: Folder, origins: tuple[str, ...]) -> None:
        super().__init__(folder, port_count=len(PORTS))
        self.origins = origins

    @property
    def endpoint(self) -> str:
        return f"http://{LOOPBACK}:{self.ports[S3]}"

    @property
    def access_key(self) -> str:
        return self.folder.secret("access_key")

    @property
    def secret_key(self) -> str:
        return self.folder.secret("secret_key")

    def pick_ports(self) -> list[int]:
        """Its worker looks for the admin's second port at a fixed distance from the first, and nowhere else."""
        while True:
            *others, admin, _ = ports.free(len(PORTS))
            if ports.is_free(admin + ADMIN_GRPC_DISTANCE):
                return [*others, admin, admin + ADMIN_GRPC_DISTANCE]

    async def stop(self) -> None:
        await super().stop()
        self._clear_sockets()

    def command(self) -> list[str]:
        # It remembers its options, and would prefer them to ours.
        (self.home / "mini.options").unlink(missing_ok=True)
        options = {
            **OPTIONS,
            **{name: str(port) for name, port in zip(PORTS, self.ports, strict=True)},
            "dir": str(self.home),
            "s3.config": str(self._identity()),
            "s3.allowedOrigins": ",".join(self.origins),
        }
        return [str(wheels.weed()), "-logtostderr=true", "mini", *(f"-{k}={v}" for k, v in options.items())]

    def environment(self) -> dict[str, str]:
        """Its own servers must prove themselves to each other, so that no neighbour can pose as one."""
        key = self.folder.secret("volume")
        return {**super().environment(), "WEED_JWT_SIGNING_KEY": key, "WEED_JWT_SIGNING_READ_KEY": key}

    async def ask(self) -> None:
        """Stores a byte: the gateway answers seconds before the volumes are known, and then loses what it is asked."""
        stored = await self._status("PUT", f"/{PROBE}/byte", b"0")
        if stored == 404:
            await self._status("PUT", f"/{PROBE}")
        if stored != 200:
            raise ConnectionError(f"S3 answers {stored}")

    async def _status(self, method: str, path: str, body: bytes = b"") -> int:
        """The answer to one signed request, without a client: making one takes longer than the server's start."""
        request = AWSRequest(method, f"{self.endpoint}{path}", data=body, headers={"Content-Length": str(len(body))})
        request.headers["Host"] = f"{LOOPBACK}:{self.ports[S3]}"
        S3SigV4Auth(Credentials(self.access_key, self.secret_key), "s3", REGION).add_auth(request)
        head = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
        reader, writer = await asyncio.open_connection(LOOPBACK, self.ports[S3])
        try:
            writer.write(f"{method} {path} HTTP/1.1\r\n{head}Connection: close\r\n\r\n".encode() + body)
            answer = await reader.readline()
        finally:
            writer.close()
        return int(answer.split()[1])

    def _clear_sockets(self) -> None:
        """It leaves some of them behind, and lets nobody say where they lie."""
        for port in self.ports:
            for server in ("master", "volume", "filer", "s3", "admin"):
                for kind in (server, f"{server}-grpc"):
                    Path(f"/tmp/seaweedfs-{kind}-{port}.sock").unlink(missing_ok=True)  # noqa: S108

    def _identity(self) -> Path:
        identity = {
            "name": "leporello",
            "credentials": [{"accessKey": self.access_key, "secretKey": self.secret_key}],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        }
        return self.folder.write("objects.s3.json", json.dumps({"identities": [identity]}))
