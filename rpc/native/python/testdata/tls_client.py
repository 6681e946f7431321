"""A client of a Parley server on tls://, with nothing but the standard library of
Python 3.7 or later.

    with connect('127.0.0.1', 8080, 'parley1_...') as c:
        c.send(('add', (3, 5)))
        print(c.recv())

It logs in with a generated key. The login is bound to the server's certificate,
since Python's ssl has no exporter; the certificate has to be signed with SHA-256,
as the ones are that Parley makes. After the login objects are pickled, as
multiprocessing.connection does it: the server may be trusted with that, because
it has proved that it knows the key.
"""
import base64, hashlib, hmac, pickle, re, secrets, socket, ssl, struct, zlib

class Connection:
    def __init__(self, sock):
        self.sock = sock

    def send_bytes(self, data):
        self.sock.sendall(struct.pack('!i', len(data)) + data)

    def recv_bytes(self, limit=0x7fffffff):
        size, = struct.unpack('!i', self._read(4))
        if not 0 <= size <= limit:
            raise OSError('a message of %d bytes' % size)
        return self._read(size)

    def _read(self, size):
        data = bytearray()
        while len(data) < size:
            part = self.sock.recv(min(size - len(data), 1 << 16))
            if not part:
                raise EOFError
            data += part
        return bytes(data)

    def send(self, value):
        self.send_bytes(pickle.dumps(value))

    def recv(self):
        return pickle.loads(self.recv_bytes())

    def close(self):
        try:
            self.sock.settimeout(1)
            self.sock.unwrap()  # without this the server takes the end for a broken connection
        except (OSError, ValueError):
            pass
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

def connect(host, port, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False  # the login proves the server, whatever its certificate
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(['parley/1'])
    sock = socket.create_connection((host, port), timeout=10)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock = context.wrap_socket(sock)
    try:
        if sock.selected_alpn_protocol() != 'parley/1':
            raise PermissionError('the server does not speak parley/1')
        c = Connection(sock)
        login(c, key, sock.getpeercert(binary_form=True))
        sock.settimeout(None)
        return c
    except BaseException:
        sock.close()
        raise

def login(c, key, certificate):
    def mac(key, message):
        return hmac.new(key, message, hashlib.sha256).digest()
    m = re.fullmatch('(parley1_([a-z0-9][a-z0-9._-]{0,63})_([A-Za-z0-9_-]{43}))_([0-9a-f]{8})', key)
    if not m or zlib.crc32(m[1].encode()) != int(m[4], 16):
        raise ValueError('this is no key of Parley, or a part of it was lost')
    secret, nonce = base64.urlsafe_b64decode(m[3] + '='), secrets.token_urlsafe(18)
    header, first = 'p=tls-server-end-point,,', 'n=%s,r=%s' % (m[2], nonce)
    c.send_bytes((header + first).encode())

    challenge = c.recv_bytes(4096).decode('ascii')
    m = re.fullmatch('r=([^,]{48,}),s=([A-Za-z0-9+/=]{24,88}),i=1,k=raw', challenge)
    if not m or not m[1].startswith(nonce):
        raise PermissionError('the server asks for another kind of login: %.80r' % challenge)
    salted = mac(mac(base64.b64decode(m[2], validate=True), secret), b'parley/1 raw salted-password\x01')  # HKDF
    client, server = mac(salted, b'Client Key'), mac(salted, b'Server Key')

    bound = base64.b64encode(header.encode() + hashlib.sha256(certificate).digest()).decode()
    final = 'c=%s,r=%s' % (bound, m[1])
    message = ','.join((first, challenge, final)).encode()
    signature = mac(hashlib.sha256(client).digest(), message)
    proof = base64.b64encode(bytes(a ^ b for a, b in zip(client, signature)))
    c.send_bytes(final.encode() + b',p=' + proof)
    if not hmac.compare_digest(c.recv_bytes(4096), b'v=' + base64.b64encode(mac(server, message))):
        raise PermissionError('the server refused the login, or does not know the key')
