// Makes the replica set rs0 and the user firth where they are missing; run again it changes nothing but the password of firth, when that is another now. For mongosh.

const uri = new URL("mongodb://127.0.0.1:27017/admin?directConnection=true");
uri.username = "root";
uri.password = process.env.MONGODB_ROOT_PASSWORD;

// The healthy server may be a moment away from letting the root user in.
let admin;
for (let tries = 1; !admin; tries++) {
  try {
    admin = connect(uri.href);
  } catch (e) {
    if (tries === 30) throw e;
    sleep(1000);
  }
}

if (!admin.hello().setName) {
  // The address is the one that Firth connects to, and the server itself too.
  const done = admin.adminCommand({ replSetInitiate: { _id: "rs0", members: [{ _id: 0, host: "127.0.0.1:27017" }] } });
  if (!done.ok) throw new Error(`replica set: ${done.errmsg}`);
  print("replica set rs0 made");
}

for (let tries = 1; !admin.hello().isWritablePrimary; tries++) {
  if (tries === 60) throw new Error("the replica set has no primary after a minute");
  sleep(1000);
}

const account = { pwd: process.env.FIRTH_MONGODB_PASSWORD, roles: [{ role: "readWrite", db: "firth" }] };
if (admin.getUser("firth")) {
  admin.updateUser("firth", account);
} else {
  admin.createUser({ user: "firth", ...account });
  print("user firth made");
}
