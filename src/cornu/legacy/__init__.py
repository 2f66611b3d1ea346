"""What Keras keeps of its older interfaces."""

from cornu.absent import names_of
from cornu.legacy import saving as saving

globals()["__getattr__"] = names_of(__name__)
